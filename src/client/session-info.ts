import type { Session as WireSession } from '#generated/sessions_v1/sessions'

/** A session as the server tells of it. Times are Unix milliseconds. */
export interface SessionInfo {
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

export interface OpenOptions {
  readonly userId: string
  readonly userName?: string
  readonly address: string
  readonly client: string
  /** JSON text. */
  readonly user?: string | null
  /** JSON text. */
  readonly data?: string | null
}

/** Of which user a session must be: another user's counts as absent. */
export interface OfUser {
  readonly userId?: string | undefined
}

export interface ListOptions {
  readonly id?: string
  readonly userId?: string
  readonly active?: boolean
  /** Of the last request, inclusive. */
  readonly fromTimeMs?: number
  /** Of the last request, exclusive. */
  readonly toTimeMs?: number
  readonly skip?: number
  /** At most 100, which is also the default. */
  readonly take?: number
  readonly total?: boolean
  /** false leaves `user` and `data` out of the answer, which are the most of it (default true). */
  readonly withData?: boolean
}

export interface SessionInfoPage {
  /** Newest request first. */
  readonly sessions: readonly SessionInfo[]
  /** null unless asked for. */
  readonly total: number | null
}

/** What a message of `sessions_v1` says. */
export function readSession(session: WireSession): SessionInfo {
  const { id, userId, userName, active, address, client } = session
  return {
    ...{ id, userId, userName, active, address, client },
    openTimeMs: Date.parse(session.openTime),
    requestTimeMs: Date.parse(session.requestTime),
    closeTimeMs: session.closeTime === '' ? null : Date.parse(session.closeTime),
    user: session.user === '' ? null : session.user,
    data: session.data === '' ? null : session.data,
  }
}
