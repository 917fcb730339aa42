import type { Session } from './session.js'

export interface ListQuery {
  readonly userId?: string
  readonly active?: boolean
  /** Inclusive. */
  readonly fromTimeMs?: number
  /** Exclusive. */
  readonly toTimeMs?: number
  readonly skip: number
  readonly take: number
  /** Whether to count all that match. */
  readonly total: boolean
}

export interface AfterQuery extends Pick<ListQuery, 'userId' | 'active'> {
  /** null: from the first on. */
  readonly after: ListPlace | null
  /** The list from its other end. */
  readonly oldestFirst: boolean
  readonly limit: number
}

/** Where a session stands in a list, or stood: it may be gone. */
export type ListPlace = Pick<Session, 'requestTimeMs' | 'id'>

export interface ListPart {
  /** At most as many as asked for, and fewer where some just moved. */
  readonly sessions: readonly Session[]
  /** Behind which more may follow. null: there are no more. */
  readonly next: ListPlace | null
}

export interface SessionPage {
  readonly sessions: readonly Session[]
  /** null unless asked for. */
  readonly total: number | null
}
