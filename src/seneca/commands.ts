import type { Caller } from '../core/audit.js'
import { InvalidFieldError, MissingFieldError } from '../core/errors.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import type { Arguments } from './arguments.js'
import { newerSession, olderListedSession, olderSession } from './dialects.js'

/** The use cases that the commands need: the server's own, or those of a server elsewhere. */
export type SessionCommands = Pick<
  Sessions,
  'open' | 'get' | 'load' | 'list' | 'storeData' | 'updateUser' | 'close' | 'closeOpened' | 'delete'
> & { closeExpired(): Promise<unknown> }

/** What one act of `role: 'sessions'` does: its result is an object, an array or null. */
type Command = (
  commands: SessionCommands,
  args: Arguments,
  caller: Caller,
) => Promise<object | null>

/** A page of the core's. */
const PAGE = 100
/** The older dialect has no pages; its list is built in memory, so it has an end. */
const MAX_OLDER_LIST = 1000

/** Every command, by `cmd`. Where two dialects share a name, the arguments tell which is meant. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries<Command>({
    async get_sessions(commands, args) {
      const isOlder = args.has('user_id') && !args.has('filter') && !args.has('paging')
      return isOlder ? listAllOpen(commands, args.required('user_id')) : listPage(commands, args)
    },

    async load_session(commands, args) {
      const session = await commands.load(args.required('user_id'), args.required('session_id'))
      return session && olderSession(session)
    },

    async get_session_by_id(commands, args) {
      const session = await commands.get(args.required('session_id'))
      return session && newerSession(session)
    },

    async open_session(commands, args) {
      const user = args.has('user_id') ? undefined : olderUser(args)
      const optional = {
        userName: user ? user.text('name') : args.text('user_name'),
        user: args.json('user'),
        data: args.json('data'),
      }
      const session = await commands.open({
        userId: user ? user.required('id') : args.required('user_id'),
        address: args.text('address') ?? '',
        client: args.text('client') ?? '',
        ...given(optional),
      })
      return user ? olderSession(session) : newerSession(session)
    },

    async store_session_data(commands, args) {
      const id = args.required('session_id')
      const data = args.requiredJson('data')
      if (args.has('user_id')) {
        await commands.storeData(id, data, args.required('user_id'))
        return null
      }
      return newerSession(await commands.storeData(id, data))
    },

    async update_session_user(commands, args) {
      const id = args.required('session_id')
      return newerSession(await commands.updateUser(id, args.requiredJson('user')))
    },

    async close_session(commands, args, caller) {
      const olderNames = ['user_id', 'address', 'client']
      if (args.has('session_id') || !olderNames.some((name) => args.has(name))) {
        await commands.close(args.required('session_id'), caller)
      } else {
        const userId = args.required('user_id')
        const [address, client] = [args.given('address'), args.given('client')]
        await commands.closeOpened(userId, address, client, caller)
      }
      return null
    },

    async delete_session(commands, args, caller) {
      const id = args.required('session_id')
      const userId = args.has('user_id') ? args.required('user_id') : undefined
      await commands.delete(id, userId, caller)
      return null
    },

    async delete_session_by_id(commands, args, caller) {
      const session = await commands.delete(args.required('session_id'), undefined, caller)
      return session && newerSession(session)
    },

    async close_expired_sessions(commands) {
      await commands.closeExpired()
      return null
    },
  }),
)

/** The older dialect's `user`, which holds the id. Throws MissingFieldError where there is none. */
function olderUser(args: Arguments): Arguments {
  const user = args.object('user')
  if (!user?.has('id')) {
    throw new MissingFieldError('user_id')
  }
  return user
}

async function listPage(commands: SessionCommands, args: Arguments): Promise<object> {
  const filter = args.object('filter')
  const paging = args.object('paging')
  const query = {
    id: filter?.text('id'),
    // A caller that mixes the dialects must not be shown everyone's sessions.
    userId: filter?.text('user_id') ?? args.text('user_id'),
    active: filter?.flag('active'),
    fromTimeMs: filter?.date('from_time'),
    toTimeMs: filter?.date('to_time'),
    skip: paging?.count('skip'),
    take: paging?.count('take'),
    total: paging?.flag('total'),
  }
  const { sessions, total } = await commands.list(given(query))
  return { total, data: sessions.map(newerSession) }
}

/** Throws InvalidFieldError where there are more than one answer should carry. */
async function listAllOpen(commands: SessionCommands, userId: string): Promise<object[]> {
  const found = new Map<string, Session>()
  for (let skip = 0; ; skip += PAGE) {
    const { sessions } = await commands.list({ userId, active: true, skip, take: PAGE })
    // A request between two pages moves a session to the front, and others onto the next page.
    for (const session of sessions) {
      found.set(session.id, session)
    }
    if (found.size > MAX_OLDER_LIST) {
      const problem = `has more than ${MAX_OLDER_LIST} open sessions: list them by filter and paging`
      throw new InvalidFieldError('user_id', problem)
    }
    if (sessions.length < PAGE) {
      return [...found.values()].map(olderListedSession)
    }
  }
}

/** Without what is undefined. */
function given<T extends object>(values: T) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
