import { SessiondError } from './sessiond-error.js'

// Why nothing is done to a session, or under it.

/** No session has this id, or it belongs to another user. */
export class NotFoundError extends SessiondError {
  readonly code = 'NOT_FOUND'

  constructor(id: string) {
    super(`there is no session ${id}`, { metadata: { session_id: id } })
  }
}

/** The session has ended, so nothing can be written to it. */
export class ConflictError extends SessiondError {
  readonly code = 'CONFLICT'

  constructor(id: string) {
    super(`session ${id} has ended: nothing was written`, { metadata: { session_id: id } })
  }
}

/** The server's wall clock may be wrong, so no session can be ended by it. */
export class ClockSuspectError extends SessiondError {
  readonly code = 'CLOCK_SUSPECT'

  /** `consequence`: what is not done for now. */
  constructor(consequence = 'nothing is ended') {
    super(
      `the server's clock was set or the machine slept, so ${consequence} until both its clocks agree ` +
        'again, or its operator confirms the clock',
    )
  }
}

/** The session token does not allow what is asked. */
export class TokenRefusedError extends SessiondError {
  readonly code = 'TOKEN_REFUSED'

  /** `reason`: as docs/tokens.md lists them. */
  constructor(reason: string, problem: string) {
    super(`the token is refused: ${reason}: ${problem}`, {
      field: 'body.token',
      metadata: { reason },
    })
  }
}

/** The key that signed the request may not use the session. */
export class SignerError extends SessiondError {
  readonly code = 'SIGNER_NOT_ALLOWED'

  /** null: it wants to watch endings, which is for services alone. */
  constructor(verb: string | null) {
    super(
      verb === null
        ? 'only services that the operator names may watch endings (--signers)'
        : `only the owner may have the session sign, and services that the operator allows ${verb} (--signers)`,
      verb === null ? {} : { metadata: { verb } },
    )
  }
}
