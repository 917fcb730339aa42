import { closeUser } from '../../core/commands/close-user.js'
import type { Sessions } from '../../core/commands/sessions.js'
import { NotFoundError } from '../../core/errors.js'
import type { Caller } from '../../core/operators/audit.js'
import {
  type EndAction,
  type EndOutcome,
  endSessions,
  MAX_ENDED,
  wouldEnd,
} from '../../core/operators/end-sessions.js'
import { MAX_FOUND, type SessionSearch } from '../../core/search/search.js'
import { cursorText, readCursor } from './cursor.js'
import type { Fields } from './fields.js'
import { refusalOf } from './refusal.js'
import { listedJson, shownJson } from './session-json.js'

/** Sessions in an answer of `search`, where nobody says. */
const USUALLY_FOUND = 50
/** How many sessions of a user a call closes, where it says how many. */
const MAX_CLOSED = 1000
const STATES = { all: undefined, open: true, ended: false } as const

/** What the actions need. */
export interface ActionPorts {
  readonly sessions: Pick<Sessions, 'get' | 'list' | 'close' | 'delete' | 'expiresAtMs'>
  readonly search: Pick<SessionSearch, 'page'>
  readonly onInternalError: (call: string, error: unknown) => void
}

/** Reads the fields of a request, checks them all, and returns the body of the answer. */
type Action = (ports: ActionPorts, fields: Fields, caller: Caller) => Promise<object>

/** The calls of the page's operator mode, by name: docs/protocols/operator.md. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  /** Checks the credential, and nothing else. */
  async check(_, fields) {
    fields.checkAllRead()
    return {}
  },

  async search({ sessions, search }, fields, caller) {
    const args = readSearch(fields)
    fields.checkAllRead()
    const page = await search.page(args, caller.signal)
    return {
      sessions: page.sessions.map((one) => listedJson(one, sessions.expiresAtMs(one))),
      next: page.next && cursorText(page.next),
      stopped: page.hasStopped,
      looked_at: page.lookedAt,
      reached_at_ms: page.reachedAtMs,
      total: page.total,
    }
  },

  async show({ sessions }, fields) {
    const id = fields.text('session_id')
    fields.checkAllRead()
    const session = await sessions.get(id)
    if (session === null) {
      throw new NotFoundError(id)
    }
    return shownJson(session, sessions.expiresAtMs(session))
  },

  close: (ports, fields, caller) => endMany('close', ports, fields, caller),

  delete: (ports, fields, caller) => endMany('delete', ports, fields, caller),

  async 'close-user'({ sessions }, fields, caller) {
    const userId = fields.text('user_id')
    const [isDry, limit] = [fields.flag('dry_run'), fields.count('limit', MAX_CLOSED)]
    fields.checkAllRead()
    if (isDry) {
      const open = await sessions.list({ userId, active: true, take: 0, total: true })
      return { open_sessions: open.total }
    }
    const closable = {
      list: sessions.list.bind(sessions),
      close: async (id: string) => (await sessions.close(id, caller))?.wasOpen ?? false,
    }
    const { closed, isDone } = await closeUser(closable, userId, limit)
    return { closed, is_done: isDone }
  },
}

function readSearch(fields: Fields) {
  const optional = ['text', 'user', 'owner', 'address', 'client'] as const
  const texts = optional.map((name) => [name, fields.optionalText(name)] as const)
  const kind = fields.oneOf('kind', ['any', 'token', 'command'])
  const active = STATES[fields.oneOf('state', ['all', 'open', 'ended'])]
  const cursor = fields.optionalText('cursor')
  return {
    filter: {
      ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
      ...(kind !== 'any' && { kind }),
      ...(active !== undefined && { active }),
    },
    sort: fields.oneOf('sort', ['request', 'opened', 'ended']),
    oldestFirst: fields.oneOf('order', ['desc', 'asc']) === 'asc',
    limit: fields.count('limit', MAX_FOUND) ?? USUALLY_FOUND,
    ...(cursor !== undefined && { cursor: readCursor(cursor) }),
  }
}

async function endMany(
  action: EndAction,
  { sessions, onInternalError }: ActionPorts,
  fields: Fields,
  caller: Caller,
): Promise<object> {
  const ids = fields.texts('session_ids', MAX_ENDED)
  const isDry = fields.flag('dry_run')
  fields.checkAllRead()
  const outcomes = isDry
    ? await wouldEnd(sessions, action, ids)
    : await endSessions(sessions, action, ids, caller)
  const isEnd = (one: EndOutcome) =>
    one.outcome === 'closed' || (one.outcome === 'deleted' && one.wasOpen)
  return {
    outcomes: outcomes.map((one, i) => ({
      session_id: ids[i],
      ...outcomeJson(one, (error) => onInternalError(`operator ${action}`, error)),
    })),
    closed: outcomes.filter(isEnd).length,
    deleted: outcomes.filter(({ outcome }) => outcome === 'deleted').length,
  }
}

function outcomeJson(ended: EndOutcome, onInternal: (error: unknown) => void): object {
  switch (ended.outcome) {
    case 'deleted':
      return { outcome: ended.outcome, was_open: ended.wasOpen }
    case 'failed': {
      const { code, message } = refusalOf(ended.error, onInternal)
      return { outcome: ended.outcome, code, message }
    }
    default:
      return ended
  }
}
