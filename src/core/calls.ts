/** A call as a transport receives it. */
export interface IncomingCall {
  /** The transport's name in logs and metrics. */
  readonly transport: string
  /** One of a fixed set, such as `session.Session/Create`: never a name that a caller made up. */
  readonly method: string
  /** `HOST:PORT`. */
  readonly peer: string
  /** The caller's id for this request, unchecked. */
  readonly givenId: string | undefined
  /** A header of the request, to find the trace that the call belongs to. */
  header(name: string): string | undefined
}

/** How a call ended. */
export interface CallOutcome {
  /** In the transport's terms: the name of a gRPC code, or an HTTP status. */
  readonly code: string
  /** Why it was refused or failed. Absent on success. */
  readonly error?: unknown
  /** Whether the caller learns nothing of `error` but that there was one. */
  readonly isInternal?: boolean
}

/** A call in progress. */
export interface RunningCall {
  /** The caller's id if it is usable, else a new one: 1 to 64 characters of `A-Z a-z 0-9 _ . / -`. */
  readonly requestId: string
  /** Runs the call's work, so that spans opened in it belong to the call. */
  run<T>(work: () => T): T
  /** Call it once. */
  end(outcome: CallOutcome): void
}

/** Sees every call once, whatever its outcome. Never throws. */
export interface CallObserver {
  begin(call: IncomingCall): RunningCall
}
