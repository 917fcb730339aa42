import type { Conditions } from '../address/page-state.js'
import type { FoundPage, Search } from '../operator/calls.js'
import type { FoundSession } from '../operator/sessions.js'

/** What a search has found so far. */
export interface Found {
  readonly rows: readonly FoundSession[]
  /** How many match in all; null: that is not known. */
  readonly total: number | null
  /** Where it goes on; null: no further session matches. */
  readonly next: string | null
  /** Whether it ended at the server's limit of work. */
  readonly stopped: boolean
  /** How many sessions the server looked at. */
  readonly lookedAt: number
  readonly reachedAtMs: number | null
  /** How many answers this is made of. */
  readonly answers: number
  readonly askedAtMs: number
}

/** What the server is asked for these conditions. */
export function searchFor(conditions: Conditions): Search {
  const { query, user, address, client, state, kind, sort } = conditions
  const [by, ascending] = sort.split('-')
  return {
    text: query.trim(),
    ...{ user: user.trim(), address: address.trim(), client: client.trim(), state, kind },
    sort: by as Search['sort'],
    order: ascending ? 'asc' : 'desc',
  }
}

/** Adds an answer. A session that moved meanwhile stays where it was found first, as it is now. */
export function withPage(found: Found | null, page: FoundPage, nowMs: number): Found {
  const byId = new Map(found?.rows.map((row) => [row.id, row]))
  for (const session of page.sessions) {
    byId.set(session.id, session)
  }
  const { total, next, stopped, reachedAtMs } = page
  return {
    ...{ rows: [...byId.values()], next, stopped },
    total: total ?? found?.total ?? null,
    lookedAt: (found?.lookedAt ?? 0) + page.lookedAt,
    reachedAtMs: reachedAtMs ?? found?.reachedAtMs ?? null,
    answers: (found?.answers ?? 0) + 1,
    askedAtMs: found?.askedAtMs ?? nowMs,
  }
}
