/** The most that a client may have, in UTF-8. It is often a user agent, which has several hundred bytes. */
export const MAX_CLIENT_BYTES = 1024

/** What callers see of a session. Times are Unix milliseconds. */
export interface SessionInfo {
  /** A UUIDv4. An imported session may have any text of 1 to 64 bytes. */
  readonly id: string
  /** Of a token session: the owner in base58. */
  readonly userId: string
  readonly userName: string
  readonly active: boolean
  readonly openTimeMs: number
  readonly requestTimeMs: number
  /** null while the session is open. */
  readonly closeTimeMs: number | null
  readonly address: string
  readonly client: string
  /** JSON text. null if there is none, or the session has ended. */
  readonly user: string | null
  /** JSON text. null if there is none, or the session has ended. */
  readonly data: string | null
}

/** A session, whether Create or a command opened it. */
export interface Session extends SessionInfo {
  /** null if a command opened the session. */
  readonly token: Token | null
  /** null while it is open, or if an earlier release ended it, or if it was imported. */
  readonly ending: Ending | null
}

/**
 * Why a session ended:
 * - `closed`: somebody closed it.
 * - `expired`: its lifetime is over, or it became too old.
 * - `idle`: it had no request for too long.
 * - `superseded`: its user was at the limit of open sessions and opened another one.
 * - `revoked`: its owner ended it, or whoever has its key.
 * - `deleted`: somebody deleted its record.
 * - `erased`: an operator erased everything about its user.
 * - `key_lost`: a repair found no sealed key that opens.
 */
export const END_REASONS = [
  'closed',
  'expired',
  'idle',
  'superseded',
  'revoked',
  'deleted',
  'erased',
  'key_lost',
] as const
export type EndReason = (typeof END_REASONS)[number]

export interface Ending {
  readonly reason: EndReason
  /**
   * Who ended it: a caller by the name that the audit log gives (`admin token`, `seneca`, `key HEX`), or what did it
   * (`session ID`, the one that superseded it; `repair`). null if it ended by itself.
   */
  readonly by: string | null
}

/** What a token session has in addition. */
export interface Token {
  /** 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Ed25519, 32 bytes. Of a bound session also P-256, 33 bytes. */
  readonly publicKey: Uint8Array
  /** The client holds the private key (`Bind`), so there is no seal. Absent: the server has it, sealed. */
  readonly isBound?: true
}

/** When a session is valid, in epochs. Names of RFC 7519 section 4.1. */
export interface Lifetime {
  /** Last epoch at which the session is valid. */
  readonly exp: bigint
  /** First epoch at which the session is valid. */
  readonly nbf: bigint
  /** Epoch at which the request was made. */
  readonly iat: bigint
}

/**
 * That a token session ended before its lifetime was over: tokens of it would pass for good elsewhere. It names nobody, so
 * that it can stay where everything about a user was erased. Stores keep it until the lifetime is over.
 */
export interface SessionEnding {
  /** The session's id, a UUIDv4. */
  readonly id: string
  readonly endTimeMs: number
  readonly reason: EndReason
  /** The last epoch of the session's lifetime. */
  readonly exp: bigint
}

/** A session that opens now. */
export function newSession(
  {
    id,
    userId,
    userName = '',
    address,
    client,
    user = null,
    data = null,
    token,
  }: Pick<Session, 'id' | 'userId' | 'address' | 'client' | 'token'> & {
    readonly userName?: string | undefined
    readonly user?: string | null | undefined
    readonly data?: string | null | undefined
  },
  nowMs: number,
): Session {
  return {
    id,
    userId,
    userName,
    active: true,
    openTimeMs: nowMs,
    requestTimeMs: nowMs,
    closeTimeMs: null,
    address,
    client,
    user,
    data,
    token,
    ending: null,
  }
}

/** Whether the server keeps the session's private key, sealed. */
export function isSealed({ active, token }: Session): boolean {
  return active && token !== null && token.isBound !== true
}
