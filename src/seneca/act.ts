import type { Caller } from '../core/audit.js'
import { InvalidFieldError, VersionError } from '../core/errors.js'
import { Arguments } from './arguments.js'
import { COMMANDS, type SessionCommands } from './commands.js'
import { toSenecaError, UnknownActError } from './errors.js'
import { refuseProto } from './json.js'

const ROLE = 'sessions'
const VERSION = 1

/** What became of an act. */
export interface Outcome {
  /** As in HTTP: 200 where `json` is the result, else it is a SenecaError. */
  readonly status: number
  /** JSON text, on one line. */
  readonly json: string
}

/** Runs one act of a caller; never rejects. */
export type RunAct = (act: Readonly<Record<string, unknown>>, caller: Caller) => Promise<Outcome>

/** Told of every error that callers see only as INTERNAL, with the command that it happened in. */
export type OnInternalError = (command: string, error: unknown) => void

/** The acts of `role: 'sessions'`, and no others. */
export function actRunner(commands: SessionCommands, onInternalError: OnInternalError): RunAct {
  return async (act, caller) => {
    let name = ''
    try {
      const args = new Arguments(act)
      name = commandName(args)
      refuseProto(act)
      checkVersion(act)
      const result = await COMMANDS.get(name)?.(commands, args, caller)
      return { status: 200, json: JSON.stringify(result) }
    } catch (error) {
      const outcome = refusal(error)
      if (outcome.status === 500) {
        onInternalError(name, error)
      }
      return outcome
    }
  }
}

/** The outcome that tells of an error. */
export function refusal(error: unknown): Outcome {
  const told = toSenecaError(error)
  return { status: told.status, json: JSON.stringify(told) }
}

function commandName(args: Arguments): string {
  if (args.text('role') !== ROLE) {
    throw new UnknownActError(`there is no such act: this server has those of role:${ROLE} alone`)
  }
  const name = args.required('cmd')
  if (!COMMANDS.has(name)) {
    throw new UnknownActError(
      `there is no such act: the commands of role:${ROLE} are ${[...COMMANDS.keys()].join(', ')}`,
    )
  }
  return name
}

function checkVersion(act: Readonly<Record<string, unknown>>): void {
  if (!Object.hasOwn(act, 'version') || act.version === VERSION) {
    return
  }
  throw typeof act.version === 'number'
    ? new VersionError('version', act.version, VERSION)
    : new InvalidFieldError('version', `must be ${VERSION}, or left out`)
}
