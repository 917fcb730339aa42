import type { Expiry } from '../endings/expiry.js'
import { StoreUnavailableError } from '../errors.js'
import type { Session } from '../session.js'
import type { SessionStore } from '../store.js'
import type { ListQuery, SessionPage } from '../store-lists.js'
import { checkName, type ListArguments } from './arguments.js'

/** The most sessions of a page, and how many it has where nobody says. */
export const PAGE = 100
/** How many sessions a list looks at while none can be ended. */
const MAX_LOOKS = 10 * PAGE

/** What a list needs. */
interface ListPorts {
  readonly store: Pick<SessionStore, 'get' | 'list'>
  readonly expiry: Pick<Expiry, 'sweep' | 'rules' | 'endIfOverdue'>
}

/** A page of sessions, newest request first. Throws the signal's reason. */
export async function listSessions(
  ports: ListPorts,
  args: ListArguments,
  signal?: AbortSignal,
): Promise<SessionPage> {
  if (args.id !== undefined) {
    return listOne(ports, args.id, args)
  }
  const { store, expiry } = ports
  const { skip = 0, take = PAGE, total = false, ...filter } = args
  checkName('user_id', filter.userId ?? '')
  await expiry.sweep.step()
  const query = { ...filter, skip, take: Math.min(take, PAGE), total }
  for (;;) {
    const page = await store.list(query, signal)
    // In a list of open and ended sessions it needs no other place.
    const overdue = query.active
      ? page.sessions.filter((session) => expiry.rules.isOverdue(session))
      : []
    if (overdue.length === 0) {
      return { ...page, sessions: page.sessions.map((session) => expiry.rules.asOfNow(session)) }
    }
    try {
      await Promise.all(overdue.map((session) => expiry.endIfOverdue(session.id)))
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        return listPassing(ports, query, error, signal)
      }
      throw error
    }
  }
}

/**
 * The page where nothing can be written for now: overdue sessions keep their places in the store, and are passed over.
 * Throws `cause` where the page lies too far behind for that.
 */
async function listPassing(
  { store, expiry }: ListPorts,
  { skip, take, total, ...filter }: ListQuery,
  cause: StoreUnavailableError,
  signal?: AbortSignal,
): Promise<SessionPage> {
  const open: Session[] = []
  let counted: number | null = null
  for (let looks = 0; looks < MAX_LOOKS; looks += PAGE) {
    const part = { ...filter, skip: looks, take: PAGE, total: total && looks === 0 }
    const { sessions, total: all } = await store.list(part, signal)
    counted ??= all
    open.push(...sessions.filter((session) => !expiry.rules.isOverdue(session)))
    if (open.length >= skip + take || sessions.length < PAGE) {
      const passed = looks + sessions.length - open.length
      return {
        sessions: open.slice(skip, skip + take),
        total: counted === null ? null : counted - passed,
      }
    }
  }
  throw cause
}

/** The page with the session of this id, if the rest of the filter admits it. */
async function listOne(
  { store, expiry }: ListPorts,
  id: string,
  { skip = 0, take = PAGE, total = false, ...filter }: ListArguments,
): Promise<SessionPage> {
  const { userId, active, fromTimeMs = 0, toTimeMs = Number.POSITIVE_INFINITY } = filter
  const stored = await store.get(id)
  const session = stored && expiry.rules.asOfNow(stored)
  const matches =
    session !== undefined &&
    (userId === undefined || session.userId === userId) &&
    (active === undefined || session.active === active) &&
    fromTimeMs <= session.requestTimeMs &&
    session.requestTimeMs < toTimeMs
  return {
    sessions: matches && skip === 0 && take > 0 ? [session] : [],
    total: total ? Number(matches) : null,
  }
}
