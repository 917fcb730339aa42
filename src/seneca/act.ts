import type { CallObserver, RunningCall } from '../core/calls.js'
import { InvalidFieldError, VersionError } from '../core/errors.js'
import type { Caller } from '../core/operators/audit.js'
import { hasGone } from '../net/connections.js'
import { Arguments } from './arguments.js'
import { COMMANDS, type SessionCommands } from './commands.js'
import { toSenecaError, UnknownActError } from './errors.js'
import { refuseProto } from './json.js'

const ROLE = 'sessions'
const VERSION = 1
/** The method that observers see for an unknown command. */
const UNKNOWN = 'unknown'
const OK = { code: '200' }
/** Nobody waits for the outcome. The status is nginx's, and is sent to nobody. */
const GONE: Outcome = { status: 499, json: 'null' }

type Act = Readonly<Record<string, unknown>>

/** How an act ended. */
export interface Outcome {
  /** As in HTTP. 200: `json` is the result; otherwise it is a SenecaError. */
  readonly status: number
  /** JSON text, on one line. */
  readonly json: string
}

/** Runs one act of a caller. The message's id becomes the id of the request. Never rejects. */
export type RunAct = (act: Act, caller: Caller, messageId?: string) => Promise<Outcome>

/** Runs the acts of `role: 'sessions'`, and no others. */
export function actRunner(commands: SessionCommands, observer: CallObserver): RunAct {
  return (act, caller, messageId) => {
    const method = typeof act.cmd === 'string' && COMMANDS.has(act.cmd) ? act.cmd : UNKNOWN
    const running = begin(observer, method, caller, messageId)
    let result: Promise<string>
    try {
      result = running.run(() => run(commands, act, caller))
    } catch (error) {
      result = Promise.reject(error)
    }
    return outcomeOf(result, running, caller)
  }
}

/** Knows nothing of the act: while its command waits for the disk, what it was parsed to can go. */
async function outcomeOf(
  result: Promise<string>,
  running: RunningCall,
  caller: Caller,
): Promise<Outcome> {
  try {
    const json = await result
    running.end(OK)
    return { status: 200, json }
  } catch (error) {
    if (hasGone(caller, error)) {
      running.end({ code: `${GONE.status}` })
      return GONE
    }
    const outcome = refusal(error, running.requestId)
    const isInternal = outcome.status === 500
    running.end({ code: `${outcome.status}`, error, isInternal })
    return outcome
  }
}

/** The outcome of an act that was refused before it ran. Observers see it like any other. */
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

/** The outcome for an error. `requestId`: absent if there was no request yet. */
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

/** Seneca has no headers. */
function noHeader(): undefined {}

/** Checks an act and begins it. Throws the error that refuses it. */
function run(commands: SessionCommands, act: Act, caller: Caller): Promise<string> {
  const args = new Arguments(act)
  const command = commandOf(args)
  refuseProto(act)
  checkVersion(act)
  return command(commands, args, caller)
}

function commandOf(args: Arguments) {
  if (args.text('role') !== ROLE) {
    throw new UnknownActError(`there is no such act: this server has only those of role:${ROLE}`)
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
