import type { ListArguments, OpenArguments } from '../core/commands/arguments.js'
import { readListArguments } from '../core/commands/list-arguments.js'
import { PAGE } from '../core/commands/list-sessions.js'
import { sessionV1Json } from '../core/commands/session-v1.js'
import type { OfUser } from '../core/commands/sessions.js'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import type { SessionInfo } from '../core/session.js'
import { Arguments, taking } from './arguments.js'
import { olderListedSessionJson, olderSessionJson } from './dialects.js'

/** The use cases that the commands need: the core's `Sessions`, or the SDK's `SessionsClient` of a server elsewhere. */
export interface SessionCommands {
  open(args: OpenArguments): Promise<SessionInfo>
  get(id: string): Promise<SessionInfo | null>
  load(userId: string, id: string): Promise<SessionInfo | null>
  list(
    args: ListArguments,
    signal?: AbortSignal,
  ): Promise<{
    readonly sessions: readonly SessionInfo[]
    readonly total: number | null
  }>
  storeData(id: string, data: string | null, of?: OfUser): Promise<SessionInfo>
  updateUser(id: string, user: string | null): Promise<SessionInfo>
  close(id: string, caller: Caller): Promise<SessionInfo | null>
  closeOpened(userId: string, address: string, client: string, caller: Caller): Promise<void>
  delete(id: string, of: OfUser, caller: Caller): Promise<SessionInfo | null>
  closeExpired(): Promise<unknown>
}

/**
 * What one act of `role: 'sessions'` does. It may throw at once. Its result is JSON text on one line: an object, an array or
 * null.
 */
type Command = (commands: SessionCommands, args: Arguments, caller: Caller) => Promise<string>

const NULL = 'null'
/** The arguments of each form of a command. */
const NOTHING = taking()
const PAGE_OF_LIST = taking('filter', 'paging')
const USER_ID = taking('user_id')
const SESSION_ID = taking('session_id')
const SESSION_OF_USER = taking('user_id', 'session_id')
const OLDER_OPENING = taking('user', 'address', 'client', 'data')
const NEWER_OPENING = taking('user', 'address', 'client', 'data', 'user_id', 'user_name')
const SESSION_DATA = taking('user_id', 'session_id', 'data')
const SESSION_USER = taking('session_id', 'user')
/** The older dialect names the sessions to close by these. */
const OLDER_PLACE = taking('user_id', 'address', 'client')
/** The older dialect has no pages. Its lists are built in memory, so they are limited. */
const MAX_OLDER_LIST = 1000

/**
 * Every command, by `cmd`. If two dialects share a name, the arguments tell which one is meant. Arguments of both are
 * an error: `user_id` is the older dialect's check of ownership and must never be ignored.
 */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries<Command>({
    async get_sessions(commands, args, caller) {
      args.takeNoUnknown()
      // Existing clients send `paging: null` for no paging. That does not weaken their filter.
      const hasPaging = args.has('paging') && !args.isNull('paging')
      if (args.has('filter') || hasPaging) {
        args.takeOnly(PAGE_OF_LIST)
        const filter = args.object('filter')
        const query = readListArguments(filter, hasPaging ? args.object('paging') : undefined)
        return listPage(commands, query, caller)
      }
      args.takeOnly(USER_ID)
      if (!args.has('user_id')) {
        throw new MissingFieldError('user_id, filter or paging')
      }
      return listAllOpen(commands, args.required('user_id'), caller)
    },

    async load_session(commands, args) {
      args.takeOnly(SESSION_OF_USER)
      const session = await commands.load(args.required('user_id'), args.required('session_id'))
      return session === null ? NULL : olderSessionJson(session)
    },

    async get_session_by_id(commands, args) {
      args.takeOnly(SESSION_ID)
      const session = await commands.get(args.required('session_id'))
      return session === null ? NULL : sessionV1Json(session)
    },

    open_session(commands, args) {
      const isNewer = args.has('user_id')
      args.takeOnly(isNewer ? NEWER_OPENING : OLDER_OPENING)
      const user = isNewer ? undefined : olderUser(args)
      const userName = user ? user.text('name') : args.text('user_name')
      const [about, data] = [args.json('user'), args.json('data')]
      const opening = commands.open({
        userId: user ? user.required('id') : args.required('user_id'),
        address: args.text('address') ?? '',
        client: args.text('client') ?? '',
        userName,
        user: about,
        data,
      })
      return opening.then(user ? olderSessionJson : sessionV1Json)
    },

    async store_session_data(commands, args) {
      args.takeOnly(SESSION_DATA)
      const id = args.required('session_id')
      const data = args.requiredJson('data')
      if (args.has('user_id')) {
        await commands.storeData(id, data, { userId: args.required('user_id') })
        return NULL
      }
      return sessionV1Json(await commands.storeData(id, data))
    },

    async update_session_user(commands, args) {
      args.takeOnly(SESSION_USER)
      const id = args.required('session_id')
      return sessionV1Json(await commands.updateUser(id, args.requiredJson('user')))
    },

    async close_session(commands, args, caller) {
      if (args.has('session_id') || !args.hasAnyOf(OLDER_PLACE)) {
        args.takeOnly(SESSION_ID)
        const session = await commands.close(args.required('session_id'), caller)
        return session === null ? NULL : sessionV1Json(session)
      }
      args.takeOnly(OLDER_PLACE)
      const userId = args.required('user_id')
      const [address, client] = [args.required('address'), args.required('client')]
      await commands.closeOpened(userId, address, client, caller)
      return NULL
    },

    async delete_session(commands, args, caller) {
      args.takeOnly(SESSION_OF_USER)
      const id = args.required('session_id')
      const userId = args.has('user_id') ? args.required('user_id') : undefined
      await commands.delete(id, { userId }, caller)
      return NULL
    },

    async delete_session_by_id(commands, args, caller) {
      args.takeOnly(SESSION_ID)
      const session = await commands.delete(args.required('session_id'), {}, caller)
      return session === null ? NULL : sessionV1Json(session)
    },

    async close_expired_sessions(commands, args) {
      args.takeOnly(NOTHING)
      await commands.closeExpired()
      return NULL
    },
  }),
)

/** The older dialect's `user`, which has the user's id. Throws MissingFieldError if there is none. */
function olderUser(args: Arguments): Arguments {
  const user = new Arguments(args.object('user') ?? {}, 'user.')
  if (!user.has('id')) {
    throw new MissingFieldError('user_id')
  }
  return user
}

async function listPage(
  commands: SessionCommands,
  query: ListArguments,
  { signal }: Caller,
): Promise<string> {
  const { sessions, total } = await commands.list(query, signal)
  // Not by `join`, which would copy all of it: the text is put together once, when it is sent.
  let data = ''
  for (const session of sessions) {
    data += `${data === '' ? '' : ','}${sessionV1Json(session)}`
  }
  return `{"total":${total},"data":[${data}]}`
}

/** Throws InvalidFieldError if there are too many for one answer. */
async function listAllOpen(
  commands: SessionCommands,
  userId: string,
  { signal }: Caller,
): Promise<string> {
  const found = new Map<string, SessionInfo>()
  // Pages overlap by half: a session that ends between two of them moves those behind it up.
  for (let skip = 0; ; skip += PAGE / 2) {
    const { sessions } = await commands.list({ userId, active: true, skip, take: PAGE }, signal)
    // A request meanwhile moves its session to the front, and others down.
    for (const session of sessions) {
      found.set(session.id, session)
    }
    if (found.size > MAX_OLDER_LIST) {
      const problem = `has more than ${MAX_OLDER_LIST} open sessions: list them by filter and paging`
      throw new InvalidFieldError('user_id', problem)
    }
    if (sessions.length < PAGE) {
      return `[${Array.from(found.values(), olderListedSessionJson).join()}]`
    }
  }
}
