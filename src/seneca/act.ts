import type { CallObserver } from '../core/calls.js'
import { InvalidFieldError, VersionError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { Arguments } from './arguments.js'
import { COMMANDS, type SessionCommands } from './commands.js'
import { toSenecaError, UnknownActError } from './errors.js'
import { refuseProto } from './json.js'

const ROLE = 'sessions'
const VERSION = 1
/** What observers are told of a command that there is not. */
const UNKNOWN = 'unknown'
const OK = { code: '200' }

type Act = Readonly<Record<string, unknown>>

/** What became of an act. */
export interface Outcome {
  /** As in HTTP: 200 where `json` is the result, else it is a SenecaError. */
  readonly status: number
  /** JSON text, on one line. */
  readonly json: string
}

/** Runs one act of a caller, whose id for its message is the request's; never rejects. */
export type RunAct = (act: Act, caller: Caller, messageId?: string) => Promise<Outcome>

/** The acts of `role: 'sessions'`, and no others. */
export function actRunner(commands: SessionCommands, observer: CallObserver): RunAct {
  return async (act, caller, messageId) => {
    const method = typeof act.cmd === 'string' && COMMANDS.has(act.cmd) ? act.cmd : UNKNOWN
    const running = begin(observer, method, caller, messageId)
    try {
      const json = await running.run(() => run(commands, act, caller))
      running.end(OK)
      return { status: 200, json }
    } catch (error) {
      const outcome = refusal(error, running.requestId)
      const isInternal = outcome.status === 500
      running.end({ code: `${outcome.status}`, error, isInternal })
      return outcome
    }
  }
}

/** The outcome of an act that is not run, which is told of as if it had been. */
export function refuseAct(
  error: unknown,
  observer: CallObserver,
  caller: Caller,
  messageId?: string,
): Outcome {
  const running = begin(observer, UNKNOWN, caller, messageId)
  const outcome = refusal(error, running.requestId)
  running.end({ code: `${outcome.status}`, error })
  return outcome
}

/** The outcome that tells of an error, of the request with this id where it came to one. */
export function refusal(error: unknown, requestId?: string): Outcome {
  const told = toSenecaError(error, requestId)
  return { status: told.status, json: JSON.stringify(told) }
}

function begin(observer: CallObserver, method: string, caller: Caller, givenId?: string) {
  return observer.begin({
    transport: 'seneca',
    method,
    peer: caller.address,
    givenId,
    header: noHeader,
  })
}

/** Seneca has none. */
function noHeader(): undefined {}

/** Throws what the act is refused with. */
function run(commands: SessionCommands, act: Act, caller: Caller): Promise<string> {
  const args = new Arguments(act)
  const command = commandOf(args)
  refuseProto(act)
  checkVersion(act)
  return command(commands, args, caller)
}

function commandOf(args: Arguments) {
  if (args.text('role') !== ROLE) {
    throw new UnknownActError(`there is no such act: this server has those of role:${ROLE} alone`)
  }
  const command = COMMANDS.get(args.required('cmd'))
  if (command === undefined) {
    throw new UnknownActError(
      `there is no such act: the commands of role:${ROLE} are ${[...COMMANDS.keys()].join(', ')}`,
    )
  }
  return command
}

function checkVersion(act: Act): void {
  if (!Object.hasOwn(act, 'version') || act.version === VERSION) {
    return
  }
  throw typeof act.version === 'number'
    ? new VersionError('version', act.version, VERSION)
    : new InvalidFieldError('version', `must be ${VERSION}, or left out`)
}
