import { SessiondError } from './sessiond-error.js'

// Why Create opens no session.

/** The server does not grant this lifetime now. Epochs. */
export class LifetimeError extends SessiondError {
  readonly code = 'INVALID_LIFETIME'

  constructor(field: string, problem: string, serverEpoch: bigint) {
    super(`${field} ${problem} (the server's epoch is ${serverEpoch})`, {
      field,
      metadata: { server_epoch: `${serverEpoch}` },
    })
  }
}

/** The client's clock is too far from the server's. Epochs. */
export class EpochDriftError extends SessiondError {
  readonly code = 'EPOCH_DRIFT'

  constructor(field: string, epoch: bigint, serverEpoch: bigint, maxDriftEpochs: bigint) {
    super(
      `${field} ${epoch} is more than ${maxDriftEpochs} from the server's epoch ${serverEpoch}: ` +
        'set the clock, or sign the request anew',
      {
        field,
        metadata: { server_epoch: `${serverEpoch}`, max_drift_epochs: `${maxDriftEpochs}` },
      },
    )
  }
}

/** A signature is missing or invalid, or is made with another key than it must be. */
export class SignatureError extends SessiondError {
  readonly code = 'BAD_SIGNATURE'

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`, { field })
  }
}

/** What does not match: the owner id's length, its prefix or checksum as an N3 account, all of it, or the signing key. */
export type OwnerPart = 'length' | 'prefix' | 'checksum' | 'owner' | 'key'

/** The signature is valid, but its key may not open sessions for this owner. */
export class OwnerKeyError extends SessiondError {
  readonly code = 'OWNER_KEY_MISMATCH'

  /** `policy`: the rule in force; `part`: what breaks it; `expected`: what it asks for. */
  constructor(policy: string, part: OwnerPart, expected: string) {
    super(`the body's signing key may not speak for body.owner_id (${policy}): ${expected}`, {
      field: 'body.owner_id.value',
      metadata: { policy, part },
    })
  }
}

/** The idempotency key was already used for another body. */
export class IdempotencyKeyReusedError extends SessiondError {
  readonly code = 'IDEMPOTENCY_KEY_REUSED'

  constructor() {
    super('this idempotency key was used for another body: take a new key', {
      field: 'meta_header.x_headers',
    })
  }
}

/** The session has ended. */
export class SessionEndedError extends SessiondError {
  readonly code = 'SESSION_ENDED'

  constructor(id: string) {
    super(`session ${id} has ended`, { metadata: { session_id: id } })
  }
}
