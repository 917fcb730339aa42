import type { CallOptions } from '../connection/ask.js'

/** A session as the server describes it. Instants are Unix milliseconds. `JSON.stringify` takes it as it is. */
export interface SessionInfo<Json = unknown> {
  /** A UUIDv4, or any text of 1 to 64 bytes where the session was imported. */
  readonly id: string
  /** The user's id. Of a session that Create opened: the owner's id in base58. */
  readonly userId: string
  /** Empty where none was given. */
  readonly userName: string
  /** Whether the session is open. */
  readonly active: boolean
  /** When the session was opened. */
  readonly openTimeMs: number
  /** When the last request of the session came. */
  readonly requestTimeMs: number
  /** When the session ended; null while it is open. */
  readonly closeTimeMs: number | null
  /** The address that the session was opened from. */
  readonly address: string
  /** The program that opened the session. */
  readonly client: string
  /** What is known of the user: any JSON value; null where there is none, or once the session has ended. */
  readonly user: Json | null
  /** The session's data: any JSON value; null where there is none, or once the session has ended. */
  readonly data: Json | null
  /**
   * What opened it: Create (`token`, a session with a key and a lifetime) or a command. null where the server does not
   * tell, because it is an older release or another program; then `expiresAtMs` and `ending` say nothing either.
   */
  readonly kind: 'token' | 'command' | null
  /** When the session ends by itself, unless a request of it moves that; null where it never does, or has ended. */
  readonly expiresAtMs: number | null
  /** Why the session ended; null while it is open, or where the server does not know. */
  readonly ending: SessionEnding | null
}

/** Why a session ended. */
export interface SessionEnding {
  /**
   * `closed` by somebody; `expired`, its lifetime or its greatest age is over; `idle` for too long; `superseded` by another
   * session, because its user was at the limit (`--at-limit end-oldest`); `revoked` by its owner; `key_lost`, a repair found no key of it. A newer
   * server may have other reasons.
   */
  readonly reason:
    | 'closed'
    | 'expired'
    | 'idle'
    | 'superseded'
    | 'revoked'
    | 'key_lost'
    | (string & {})
  /** Who ended it, as the server's audit log names callers; null where it ended by itself. */
  readonly by: string | null
}

/** Whose session to open, and from where. */
export interface OpenOptions<Json = unknown> extends CallOptions {
  /** 1 to 256 bytes. */
  readonly userId: string
  /** At most 256 bytes. Default: empty, or unchanged where the session is already open. */
  readonly userName?: string | undefined
  /** At most 256 bytes. With `userId` and `client` it says which open session is meant. */
  readonly address: string
  /** At most 1,024 bytes. */
  readonly client: string
  /** Any JSON value; null for none. Default: none, or unchanged where the session is already open. */
  readonly user?: Json | null | undefined
  /** Any JSON value; null for none. Default: none, or unchanged where the session is already open. */
  readonly data?: Json | null | undefined
}

/** Whose session it must be. */
export interface OfUser extends CallOptions {
  /** Another user's session counts as absent. Default: any user's session will do. */
  readonly userId?: string | undefined
}

/** The most sessions of a page. */
export const MAX_PAGE = 100

/** Which sessions to list. All conditions must hold; without any, every session is listed. */
export interface ListOptions extends CallOptions {
  /** The session with this id. */
  readonly id?: string
  /** Sessions of this user; an owner's id in base58. */
  readonly userId?: string
  /** true: open sessions; false: ended sessions. */
  readonly active?: boolean
  /** Sessions whose last request came at this instant or later, Unix milliseconds. */
  readonly fromTimeMs?: number
  /** Sessions whose last request came before this instant, Unix milliseconds. */
  readonly toTimeMs?: number
  /** How many sessions to leave out first. Default: 0. */
  readonly skip?: number
  /** How many sessions to return, at most 100 (`listAll` returns more). Default: 100. */
  readonly take?: number
  /** Whether to count all sessions that match. Default: false. */
  readonly total?: boolean
  /** Whether to return `user` and `data`, which are most of the answer. Default: true. */
  readonly withData?: boolean
}

/** One page of a list. */
export interface SessionInfoPage<Json = unknown> {
  /** The newest request first. */
  readonly sessions: readonly SessionInfo<Json>[]
  /** How many sessions match in all; null unless asked for. */
  readonly total: number | null
}
