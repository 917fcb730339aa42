import {
  BackupRequest,
  BackupResponse,
  CheckRequest,
  CheckResponse,
  ConfirmClockRequest,
  ConfirmClockResponse,
  GetStatusRequest,
  GetStatusResponse,
} from '#generated/sessiond/v1/admin'
import { MalformedError } from '../../core/errors.js'
import { ask, type CallOptions, mergeOptions } from '../connection/ask.js'
import { callServerStream } from '../connection/call.js'
import type { Connection } from '../connection/connect.js'
import { explain } from '../connection/explain.js'

const SERVICE = { name: 'the admin service', isForOperators: true }
/** What does something else when it is asked for again. */
const NOT_REPEATABLE: ReadonlySet<string> = new Set([
  'RotateSealingKey',
  'RotateIdentity',
  'EraseUser',
])

/** The state of a server. */
export interface ServerStatus {
  /** The release of sessiond, such as `0.1.0`. */
  readonly version: string
  /** When the server started, Unix milliseconds. */
  readonly startTimeMs: number
  /** How many sessions are open. */
  readonly openSessions: number
  /** Whether the store accepts writes. */
  readonly isStoreWritable: boolean
  /** The public key that signs answers: Ed25519, 32 bytes. */
  readonly identity: Uint8Array
  /** The public key that will sign answers: Ed25519, 32 bytes; null where none is announced. */
  readonly nextIdentity: Uint8Array | null
  /** The id of the key that seals private keys of sessions. */
  readonly sealingKey: string
  /** How far the wall clock has moved against the monotonic clock, in milliseconds. */
  readonly clockOffsetMs: number
  /** Whether that is more than the server allows. If so, the server ends no session until `confirmClock`. */
  readonly isClockSuspect: boolean
}

/** What ends a call that returns several values. */
export type StreamOptions = Pick<CallOptions, 'signal'>

/** What a check reports while it runs: a problem, or how far it is. */
export type CheckFinding =
  /** One inconsistency, in one line. */
  | { readonly problem: string }
  /** `totalRows` is an estimate: `checkedRows` may exceed it. */
  | { readonly checkedRows: number; readonly totalRows: number }

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/**
 * What operators ask of a server. A server with an admin credential wants it with every call: connect with
 * `adminToken`, or a client certificate. `rotateSealingKey`, `reseal`, `rotateIdentity`, `exportUser` and `eraseUser`
 * take one of these.
 *
 * Every method takes `CallOptions` last, in place of those of the client. It throws RefusedError where the server refuses
 * the call, ServerUnavailableError where the server cannot be reached or does not answer before the deadline,
 * ConnectionClosedError, and the signal's reason. Methods that return several values have no deadline and no retries.
 *
 * @example
 * ```ts
 * import { createWriteStream } from 'node:fs'
 * import { pipeline } from 'node:stream/promises'
 * import { AdminClient, connect } from 'sessiond/client'
 *
 * const server = connect('127.0.0.1:8090', { serverKeys: 'any', adminToken: process.env.ADMIN_TOKEN ?? '' })
 * const admin = new AdminClient(server)
 * const { version, openSessions } = await admin.status()
 * console.log(`sessiond ${version}: ${openSessions} open sessions`)
 * await pipeline(admin.backup(), createWriteStream('sessiond.backup', { flags: 'wx', mode: 0o600 }))
 * server.close()
 * ```
 */
export class AdminClient {
  constructor(
    private readonly connection: Connection,
    /** For every call of this client. */
    private readonly options: CallOptions = {},
  ) {}

  /** The state of the server. */
  async status(options: CallOptions = {}): Promise<ServerStatus> {
    const answer = await this.call('GetStatus', GetStatusRequest, GetStatusResponse, {}, options)
    return {
      version: answer.version,
      startTimeMs: Number(answer.startTimeMs),
      openSessions: Number(answer.openSessions),
      isStoreWritable: answer.storeWritable,
      identity: Uint8Array.from(answer.identity),
      nextIdentity: answer.nextIdentity.length === 0 ? null : Uint8Array.from(answer.nextIdentity),
      sealingKey: answer.sealingKey,
      clockOffsetMs: Number(answer.clockOffsetMs),
      isClockSuspect: answer.clockSuspect,
    }
  }

  /** A backup of the store as it is now: the chunks of one file. Stop reading, or abort the signal, to cancel. */
  async *backup(options: StreamOptions = {}): AsyncGenerator<Uint8Array, void> {
    const types = [BackupRequest, BackupResponse] as const
    for await (const { chunk } of this.stream('Backup', ...types, {}, options)) {
      yield chunk
    }
  }

  /** Checks that all stored rows agree with each other, and opens every seal. Stop reading to cancel. */
  async *check(options: StreamOptions = {}): AsyncGenerator<CheckFinding, void> {
    const messages = this.stream('Check', CheckRequest, CheckResponse, {}, options)
    for await (const { problem, progress } of messages) {
      if (problem !== undefined) {
        yield { problem }
      } else if (progress !== undefined) {
        const { checkedRows, totalRows } = progress
        yield { checkedRows: Number(checkedRows), totalRows: Number(totalRows) }
      }
    }
  }

  /**
   * Confirms that the server's wall clock is right, so that a server that suspects it ends sessions again. Returns
   * the offset that the server accepted, in milliseconds.
   */
  async confirmClock(options: CallOptions = {}): Promise<number> {
    const types = [ConfirmClockRequest, ConfirmClockResponse] as const
    const { acceptedOffsetMs } = await this.call('ConfirmClock', ...types, {}, options)
    return Number(acceptedOffsetMs)
  }

  /** Calls a method of `sessiond.v1.Admin` that returns one message. For the functions of this package. */
  async call<Request, Response>(
    method: string,
    requestType: Codec<Request>,
    responseType: Codec<Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const path = pathOf(method)
    const question = {
      path,
      service: SERVICE,
      request: requestType.encode(request).finish(),
      isRepeatable: !NOT_REPEATABLE.has(method),
    }
    const answer = await ask(this.connection, question, mergeOptions(this.options, options))
    return read(responseType, answer, path)
  }

  /** Calls a method of `sessiond.v1.Admin` that returns a stream. For the functions of this package. */
  async *stream<Request, Response>(
    method: string,
    requestType: Codec<Request>,
    responseType: Codec<Response>,
    request: Request,
    options: StreamOptions,
  ): AsyncGenerator<Response, void> {
    const { client, address } = this.connection
    const { signal } = mergeOptions(this.options, options)
    const path = pathOf(method)
    const bytes = requestType.encode(request).finish()
    try {
      for await (const message of callServerStream(client, path, bytes, signal)) {
        yield read(responseType, message, path)
      }
    } catch (error) {
      throw explain(error, address, SERVICE)
    }
  }
}

function pathOf(method: string): string {
  return `/sessiond.v1.Admin/${method}`
}

function read<T>(type: Codec<T>, bytes: Uint8Array, path: string): T {
  try {
    return type.decode(bytes)
  } catch (error) {
    throw new MalformedError(path, 'the answer cannot be decoded', error)
  }
}
