import { type Client, Metadata } from '@grpc/grpc-js'
import { ConnectionClosedError } from '../errors.js'

/** What a connection knows of its calls, beside what grpc-js does. */
export class CallsUnderWay {
  private readonly ends = new Set<(reason: unknown) => void>()
  private closed: ConnectionClosedError | undefined

  constructor(
    /** The credential that each call carries. */
    private readonly token: Metadata | undefined,
    /** Whether calls pass the interceptors of a user. */
    readonly areIntercepted: boolean,
  ) {}

  /** What a call must carry, besides `metadata`. Do not change it. */
  metadata(metadata = NO_METADATA): Metadata {
    if (this.token === undefined || metadata === NO_METADATA) {
      return this.token ?? metadata
    }
    const both = this.token.clone()
    both.merge(metadata)
    return both
  }

  /** Ends all calls, and lets none begin any more. */
  close(address: string): void {
    this.closed ??= new ConnectionClosedError(address)
    for (const end of this.ends) {
      end(this.closed)
    }
  }

  /** Throws ConnectionClosedError after `close`, and the reason of an aborted signal. */
  check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.closed !== undefined) {
      throw this.closed
    }
  }

  /**
   * Adds a call. `cancel` is called when its caller aborts it, or the connection is closed. `forget` ends that. `reasonOf`
   * says why the call failed: what cancelled it, or else its error.
   */
  add(signal: AbortSignal | undefined, cancel: () => void) {
    let ended: { readonly reason: unknown } | undefined
    const end = (reason: unknown) => {
      ended ??= { reason }
      cancel()
    }
    const abort = () => end(signal?.reason)
    this.ends.add(end)
    signal?.addEventListener('abort', abort, { once: true })
    // Either may have happened while the call began, in code of the caller.
    if (signal?.aborted) {
      abort()
    }
    if (this.closed !== undefined) {
      end(this.closed)
    }
    return {
      reasonOf: (error: unknown) => (ended === undefined ? error : ended.reason),
      forget: () => {
        this.ends.delete(end)
        signal?.removeEventListener('abort', abort)
      },
    }
  }
}

const NO_METADATA = new Metadata()
/** By client. No field of the client, because printing it would show the token. */
const byClient = new WeakMap<Client, CallsUnderWay>()

/** The calls of a client: those that `connect` gave it, or those of a client that somebody else made. */
export function callsOf(client: Client): CallsUnderWay {
  let calls = byClient.get(client)
  if (calls === undefined) {
    calls = new CallsUnderWay(undefined, true)
    byClient.set(client, calls)
  }
  return calls
}

export function setCallsOf(client: Client, calls: CallsUnderWay): void {
  byClient.set(client, calls)
}
