import { isJsonObject } from '../core/commands/json-text.js'
import { readListArguments } from '../core/commands/list-arguments.js'
import { sessionV1Members } from '../core/commands/session-v1.js'
import { MalformedError, MissingFieldError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { Arguments, type Taken, taking } from '../seneca/arguments.js'
import { COMMANDS, type SessionCommands } from '../seneca/commands.js'
import { readJson, refuseProto } from '../seneca/json.js'

/** The prefix of every command's name: `v1/sessions/open_session`, `v1/sessions.open_session`. */
export const SERVICE = 'v1/sessions'

/** The sessions commands by name, with arguments as JSON. */
export interface CommandableSessions {
  has(command: string): boolean
  /**
   * Runs a command. Returns its result as JSON text; null if it has none. `json`: the arguments, an object in UTF-8,
   * or empty. Throws MalformedError, and what the command throws.
   */
  run(command: string, json: Uint8Array, caller: Caller): Promise<string | null>
}

type Values = Readonly<Record<string, unknown>>

/** The commands of the newer dialect, each with its arguments. */
const TAKES: ReadonlyMap<string, Taken> = new Map([
  ['get_sessions', taking('filter', 'paging')],
  ['get_session_by_id', taking('session_id')],
  ['open_session', taking('user_id', 'user_name', 'address', 'client', 'user', 'data')],
  ['store_session_data', taking('session_id', 'data')],
  ['update_session_user', taking('session_id', 'user')],
  ['close_session', taking('session_id')],
  ['close_expired_sessions', taking()],
  ['delete_session_by_id', taking('session_id')],
])

/** The commands, run by these use cases. */
export function commandableSessions(commands: SessionCommands): CommandableSessions {
  return {
    has: (command) => TAKES.has(command),
    async run(command, json, caller) {
      const given = readArguments(json)
      const args = new Arguments(given)
      args.takeOnly(TAKES.get(command) ?? taking())
      if (command === 'get_sessions') {
        return listPage(commands, args, caller)
      }
      const own = command === 'open_session' ? new Arguments(openArguments(given)) : args
      const result = await COMMANDS.get(command)?.(commands, own, caller)
      return result === undefined || result === 'null' ? null : result
    },
  }
}

function readArguments(json: Uint8Array): Values {
  const given = json.length === 0 ? {} : (readJson(json) ?? {})
  if (!isJsonObject(given)) {
    throw new MalformedError('arguments', 'are no object')
  }
  refuseProto(given)
  return given
}

/**
 * Existing clients send null for no filter, no paging, and the fields of a paging that they leave out. As in the
 * original service, lists leave out `user` and `data`.
 */
async function listPage(
  commands: SessionCommands,
  args: Arguments,
  { signal }: Caller,
): Promise<string> {
  const filter = args.isNull('filter') ? {} : args.object('filter')
  const paging = args.isNull('paging') ? {} : args.object('paging')
  const query = readListArguments(filter, withoutValues(paging ?? {}, [null]))
  const { sessions, total } = await commands.list(query, signal)
  const data = sessions.map((session) => `{${sessionV1Members(session)}}`)
  return `{"total":${total},"data":[${data.join()}]}`
}

/** Existing clients send null or an empty text for arguments that they leave out. */
function openArguments({ user_id, ...optional }: Values): Values {
  if (user_id === undefined || user_id === null) {
    throw new MissingFieldError('user_id') // Else it could be of the older dialect.
  }
  return { user_id, ...withoutValues(optional, [null, '']) }
}

function withoutValues(values: Values, left: readonly unknown[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !left.includes(value)))
}
