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
import { callServerStream, callUnary } from '../connection/call.js'
import type { Connection } from '../connection/connect.js'
import { explain } from '../connection/explain.js'

const DEFAULT_DEADLINE_MS = 5_000
const SERVICE = 'the admin service'

/** How a server is. Times are Unix milliseconds. */
export interface ServerStatus {
  readonly version: string
  readonly startTimeMs: number
  readonly openSessions: number
  /** Whether writes are taken. */
  readonly isStoreWritable: boolean
  /** Ed25519, 32 bytes: the key that signs answers. */
  readonly identity: Uint8Array
  /** Ed25519, 32 bytes; null where none is announced. */
  readonly nextIdentity: Uint8Array | null
  /** Id of the key that seals. */
  readonly sealingKey: string
  /** How far the wall clock has moved against the monotonic one. */
  readonly clockOffsetMs: number
  /** Whether that is more than the server allows: then it ends no session. */
  readonly isClockSuspect: boolean
}

/** What a check tells, as it goes. */
export type CheckFinding =
  /** What disagrees, in one line. */
  | { readonly problem: string }
  /** Roughly: the total may be overtaken. */
  | { readonly checkedRows: number; readonly totalRows: number }

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/**
 * What operators ask of a server. What it refuses is thrown as RefusedError; where it does not answer,
 * ServerUnavailableError comes at once, or at the latest after the deadline. Streams have none.
 */
export class AdminClient {
  constructor(
    private readonly connection: Connection,
    /** For each call that is answered by one message. */
    private readonly deadlineMs = DEFAULT_DEADLINE_MS,
    /** Stops waiting for such an answer; the server may go on. */
    private readonly signal?: AbortSignal,
  ) {}

  async status(): Promise<ServerStatus> {
    const answer = await this.call('GetStatus', GetStatusRequest, GetStatusResponse, {})
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

  /** A backup file in chunks, of the store as it is now. Whoever stops reading, or aborts the signal, cancels it. */
  async *backup(signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    for await (const { chunk } of this.stream(
      'Backup',
      BackupRequest,
      BackupResponse,
      {},
      signal,
    )) {
      yield chunk
    }
  }

  /** Compares all that is stored with itself, as it is now, and opens every seal. */
  async *check(signal?: AbortSignal): AsyncGenerator<CheckFinding, void> {
    const messages = this.stream('Check', CheckRequest, CheckResponse, {}, signal)
    for await (const { problem, progress } of messages) {
      if (problem !== undefined) {
        yield { problem }
      } else if (progress !== undefined) {
        const { checkedRows, totalRows } = progress
        yield { checkedRows: Number(checkedRows), totalRows: Number(totalRows) }
      }
    }
  }

  /** Says that the server's wall clock is right. Returns the offset that was accepted, in milliseconds. */
  async confirmClock(): Promise<number> {
    const types = [ConfirmClockRequest, ConfirmClockResponse] as const
    const { acceptedOffsetMs } = await this.call('ConfirmClock', ...types, {})
    return Number(acceptedOffsetMs)
  }

  /** The one message that answers a call. */
  async call<Request, Response>(
    method: string,
    requestType: Codec<Request>,
    responseType: Codec<Response>,
    request: Request,
  ): Promise<Response> {
    const { client, address } = this.connection
    const path = pathOf(method)
    const bytes = requestType.encode(request).finish()
    const deadlineTimeMs = Date.now() + this.deadlineMs
    try {
      const answer = await callUnary(client, path, bytes, deadlineTimeMs, this.signal)
      return read(responseType, answer, path)
    } catch (error) {
      throw explain(error, address, SERVICE)
    }
  }

  /** The messages of a stream; whoever stops reading, or aborts the signal, cancels it. */
  async *stream<Request, Response>(
    method: string,
    requestType: Codec<Request>,
    responseType: Codec<Response>,
    request: Request,
    signal?: AbortSignal,
  ): AsyncGenerator<Response, void> {
    const { client, address } = this.connection
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
    throw new MalformedError(path, 'the answer is no message of the contract', error)
  }
}
