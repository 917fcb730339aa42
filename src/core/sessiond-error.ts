/** What an error says to a program, beside its message. */
export interface ErrorFacts {
  /** The part of the request that is at fault: a path such as `body.owner_id.value`. */
  readonly field?: string
  /** Values that belong to the code; they reach clients, so never a secret. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/**
 * Every error that this project throws on purpose. `code` is stable and in UPPER_SNAKE_CASE; each
 * transport has one map from it to what it puts on the wire.
 */
export abstract class SessiondError extends Error {
  abstract readonly code: string
  readonly field: string | undefined
  readonly metadata: Readonly<Record<string, string>>

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.field = facts.field
    this.metadata = facts.metadata ?? {}
  }
}
