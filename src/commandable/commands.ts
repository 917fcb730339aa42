import type { Caller } from '../core/audit.js'
import { InvalidFieldError, MalformedError, MissingFieldError } from '../core/errors.js'
import { Arguments } from '../seneca/arguments.js'
import { COMMANDS, type SessionCommands } from '../seneca/commands.js'
import { isObject, readJson, refuseProto } from '../seneca/json.js'

/** What names the commands on every wire: `v1/sessions/open_session`, `v1/sessions.open_session`. */
export const SERVICE = 'v1/sessions'

/** The sessions commands for callers who name one and give its arguments as JSON. */
export interface CommandableSessions {
  has(command: string): boolean
  /**
   * What the command answers, null for nothing. `json`: an object in UTF-8; empty where there are no
   * arguments. Throws MalformedError where it is none, and what the command throws.
   */
  run(command: string, json: Uint8Array, caller: Caller): Promise<object | null>
}

type Values = Readonly<Record<string, unknown>>

/** The newer dialect alone, with what each command takes. */
const COMMAND_ARGUMENTS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    get_sessions: ['filter', 'paging'],
    get_session_by_id: ['session_id'],
    open_session: ['user_id', 'user_name', 'address', 'client', 'user', 'data'],
    store_session_data: ['session_id', 'data'],
    update_session_user: ['session_id', 'user'],
    close_session: ['session_id'],
    close_expired_sessions: [],
    delete_session_by_id: ['session_id'],
  }).map(([command, names]) => [command, new Set(names)]),
)
const ALL_ARGUMENTS = new Set([...COMMAND_ARGUMENTS.values()].flatMap((names) => [...names]))

/** The commands over these use cases. */
export function commandableSessions(commands: SessionCommands): CommandableSessions {
  return {
    has: (command) => COMMAND_ARGUMENTS.has(command),
    async run(command, json, caller) {
      const given = readArguments(json)
      checkNames(command, given)
      const args = new Arguments(SHAPES[command]?.(given) ?? given)
      const result = (await COMMANDS.get(command)?.(commands, args, caller)) ?? null
      return command === 'get_sessions' ? withoutContent(result as Page) : result
    },
  }
}

function readArguments(json: Uint8Array): Values {
  const given = json.length === 0 ? {} : (readJson(json) ?? {})
  if (!isObject(given)) {
    throw new MalformedError('arguments', 'are no object')
  }
  refuseProto(given)
  return given
}

/** An argument that has a meaning elsewhere must not be passed over: a list for `user_id` is of that user alone. */
function checkNames(command: string, given: Values): void {
  const names = COMMAND_ARGUMENTS.get(command) ?? new Set()
  const other = Object.keys(given).find((name) => ALL_ARGUMENTS.has(name) && !names.has(name))
  if (other !== undefined) {
    const own = names.size === 0 ? 'nothing' : [...names].join(', ')
    throw new InvalidFieldError(other, `is not taken by ${command}, which takes ${own}`)
  }
}

/** Existing clients send null, or an empty text, for what they do not give. */
const SHAPES: Readonly<Record<string, (given: Values) => Values>> = {
  get_sessions({ filter, paging }) {
    const isNone = filter === undefined || filter === null
    return {
      ...(!isNone && { filter }),
      // With it the command is of the newer dialect.
      paging: isObject(paging) ? whereGiven(paging, [null]) : (paging ?? {}),
    }
  },

  open_session({ user_id, ...optional }) {
    if (user_id === undefined || user_id === null) {
      throw new MissingFieldError('user_id')
    }
    return { user_id, ...whereGiven(optional, [null, '']) }
  },
}

function whereGiven(values: Values, none: readonly unknown[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !none.includes(value)))
}

type Page = Readonly<{ data: readonly Readonly<{ user: unknown; data: unknown }>[] }>

/** Lists leave out what callers keep in sessions, as they do in the original service. */
function withoutContent(page: Page): object {
  return { ...page, data: page.data.map(({ user, data, ...session }) => session) }
}
