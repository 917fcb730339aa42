import { SessiondError } from './sessiond-error.js'

// Why a command does nothing to a session.

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

  constructor() {
    super(
      "the server's clock was set or the machine slept, so nothing is ended until both its clocks agree " +
        'again, or its operator confirms the clock',
    )
  }
}
