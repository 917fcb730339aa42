import type { TokenSession } from '../../tokens/issue.js'
import type { KeyedSessionJson } from '../created-session.js'

/** A session with a key, which `JSON.stringify` takes. */
export interface KeyedSession extends TokenSession {
  /** What `JSON.stringify` writes: keys in hex, the owner in base58, epochs in decimal digits. */
  toJSON(): KeyedSessionJson
}

/** What a server knows of a session, or of a token or JWT of it. */
export interface SessionState {
  /** Whether it is good now. */
  readonly active: boolean
  /**
   * Why it is not active: `NOT_FOUND` (or not yours to ask about), `NOT_YET_VALID`, `ENDED`, or why the token or JWT is
   * refused. null: it is active.
   */
  readonly reason: string | null
  /** null where the reason is another than `ENDED` and `NOT_YET_VALID`. */
  readonly session: KeyedSession | null
  /** When the session ended, Unix milliseconds; null while it is open. */
  readonly endTimeMs: number | null
  /** What ended it, such as `closed`, `expired` or `revoked`; null while it is open. */
  readonly endReason: string | null
}

/** A session as its owner sees it. Instants are Unix milliseconds. */
export interface OwnedSession extends KeyedSession {
  /** Whether it is open. */
  readonly active: boolean
  readonly openTimeMs: number
  /** null while it is open. */
  readonly endTimeMs: number | null
  /** What ended it, such as `closed`, `expired` or `revoked`; null while it is open. */
  readonly endReason: string | null
  /** From where it was opened, `HOST:PORT`. */
  readonly address: string
  /** Which program opened it, as that called itself. */
  readonly client: string
}

/** How a session ended. */
export interface RevokedSession {
  /** Whether this call ended it. false: it had ended before, or an earlier attempt of this call ended it. */
  readonly endedNow: boolean
  /** When it ended, Unix milliseconds. */
  readonly endTimeMs: number
}
