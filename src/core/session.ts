import type { Lifetime } from './create/lifetime.js'

/** What callers of the commands are told of a session. Times are Unix milliseconds. */
export interface SessionInfo {
  /** A UUIDv4 where we made it; an imported one may be any text of 1 to 64 bytes. */
  readonly id: string
  /** For a token session the owner in base58. */
  readonly userId: string
  readonly userName: string
  readonly active: boolean
  readonly openTimeMs: number
  readonly requestTimeMs: number
  /** null while the session is open. */
  readonly closeTimeMs: number | null
  readonly address: string
  readonly client: string
  /** JSON text, null where there is none or the session has ended. */
  readonly user: string | null
  /** JSON text, null where there is none or the session has ended. */
  readonly data: string | null
}

/** One session, however it was opened. */
export interface Session extends SessionInfo {
  /** There for a session that Create opened, null for one that a command opened. */
  readonly token: Token | null
}

/** What makes a session a token session. */
export interface Token {
  /** 1 to 64 bytes. */
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A session that begins now. */
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
  }
}
