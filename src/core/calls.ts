/** A call as a transport takes it. */
export interface IncomingCall {
  /** What the transport is called in logs and metrics. */
  readonly transport: string
  /** One of a fixed set, such as `session.Session/Create`; never a name that only the caller knows. */
  readonly method: string
  /** `HOST:PORT`. */
  readonly peer: string
  /** What the caller calls this request, as it came. */
  readonly givenId: string | undefined
  /** A header of the caller's: for the trace that the call is part of. */
  header(name: string): string | undefined
}

/** How a call ended. */
export interface CallOutcome {
  /** In the transport's terms: the name of a gRPC code, an HTTP status. */
  readonly code: string
  /** Why it was refused, or failed; absent from a success. */
  readonly error?: unknown
  /** The caller is told no more of `error` than that there was one. */
  readonly isInternal?: boolean
}

/** A call under way. */
export interface RunningCall {
  /** 1 to 64 characters of `A-Z a-z 0-9 _ . / -`: the caller's, or one that was made for it. */
  readonly requestId: string
  /** Does the call's work, so that what is part of it can be told. */
  run<T>(work: () => T): T
  /** To be called once. */
  end(outcome: CallOutcome): void
}

/** Told of every call, once, whatever becomes of it. Never throws. */
export interface CallObserver {
  begin(call: IncomingCall): RunningCall
}
