import type { Expiry } from '../endings/expiry.js'
import type { SessionStore } from '../store.js'
import type { SessionPage } from '../store-lists.js'
import { checkName, type ListArguments } from './arguments.js'

/** The most sessions of a page, and how many it has where nobody says. */
export const PAGE = 100

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
    await Promise.all(overdue.map((session) => expiry.endIfOverdue(session.id)))
  }
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
