import {
  type ListOptions,
  MAX_PAGE,
  type SessionInfo,
  type SessionInfoPage,
} from './session-info.js'

/** Which sessions to go through: those for which all conditions hold. */
export type ListAllOptions = Omit<ListOptions, 'id' | 'skip' | 'take' | 'total'>

/** A session with a request gets the time at which a server takes it up: others commit before it, and clocks differ. */
const MAX_LAG_MS = 5_000

type ListPage<Json> = (options: ListOptions) => Promise<SessionInfoPage<Json>>

/**
 * Goes through all sessions that match, each once, the newest request first. A session with a request meanwhile moves to
 * the front of the list: if it was not there yet, it comes at the end. Remembers every id that it gave.
 */
export async function* listAll<Json>(
  list: ListPage<Json>,
  options: ListAllOptions,
): AsyncGenerator<SessionInfo<Json>, void> {
  const given = new Set<string>()
  let newestTimeMs: number | undefined
  let pageCount = 0
  const pass = async function* (query: ListAllOptions) {
    for await (const page of pages(list, query)) {
      pageCount++
      newestTimeMs ??= page[0]?.requestTimeMs
      for (const session of page.filter(({ id }) => !given.has(id))) {
        given.add(session.id)
        yield session
      }
    }
  }
  yield* pass(options)
  if (pageCount > 1 && newestTimeMs !== undefined) {
    const fromTimeMs = Math.max(newestTimeMs - MAX_LAG_MS, options.fromTimeMs ?? 0)
    yield* pass({ ...options, fromTimeMs })
  }
}

/**
 * The pages of a list that changes meanwhile. Each begins with the last instant of the page before, not at a number of
 * sessions, which shifts when one moves to the front. So pages overlap.
 */
async function* pages<Json>(
  list: ListPage<Json>,
  options: ListAllOptions,
): AsyncGenerator<readonly SessionInfo<Json>[], void> {
  let query: ListOptions = { ...options, skip: 0, take: MAX_PAGE }
  for (;;) {
    const { sessions } = await list(query)
    yield sessions
    const last = sessions.at(-1)
    if (last === undefined || sessions.length < MAX_PAGE) {
      return
    }
    const toTimeMs = last.requestTimeMs + 1
    // Of one instant there is more than a page: half of it is skipped, since some may move away meanwhile.
    const skip = toTimeMs === query.toTimeMs ? (query.skip ?? 0) + MAX_PAGE / 2 : 0
    query = { ...query, toTimeMs, skip }
  }
}
