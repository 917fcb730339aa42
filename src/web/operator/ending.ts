import { counted, number } from '../parts/count-text.js'
import type { Operator, Outcome } from './calls.js'

/** A session that may be ended, and what people call it. */
export interface Target {
  readonly id: string
  readonly name: string
}

/** What an operator is about to do. `close-user` closes all open sessions of the user whose session this is. */
export type Ending =
  | { readonly what: 'close' | 'delete'; readonly sessions: readonly Target[] }
  | { readonly what: 'close-user'; readonly session: Target }

/** Opens the dialog. `onEnded`: called if something may have ended. */
export type AskToEnd = (ending: Ending, onEnded?: () => void) => void

/** What one call may end. */
const MOST_AT_ONCE = 100

/** Ends sessions, some at a time, until the signal aborts. `onProgress`: how many were done. */
export async function endAll(
  operator: Operator,
  what: 'close' | 'delete',
  ids: readonly string[],
  { isTrial, signal, onProgress }: EndOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  while (outcomes.length < ids.length && !signal.aborted) {
    const some = ids.slice(outcomes.length, outcomes.length + MOST_AT_ONCE)
    outcomes.push(...(await operator.end(what, some, isTrial)))
    onProgress(outcomes.length)
  }
  return outcomes
}

interface EndOptions {
  /** Whether nothing is ended, and the outcomes say what would happen. */
  readonly isTrial: boolean
  readonly signal: AbortSignal
  readonly onProgress: (done: number) => void
}

const amount = (outcomes: readonly Outcome[], outcome: Outcome['outcome']) =>
  outcomes.filter((each) => each.outcome === outcome).length

/** What the call would do, one sentence each, by the outcomes of a trial. */
export function forecast(what: 'close' | 'delete', trial: readonly Outcome[]): string[] {
  const [closed, hadEnded] = [amount(trial, 'closed'), amount(trial, 'had_ended')]
  const deleted = amount(trial, 'deleted')
  const open = trial.filter(({ wasOpen }) => wasOpen).length
  const told = [
    what === 'close' && closed > 0 && `${counted(closed, 'open session')} will end.`,
    hadEnded > 0 && `${counted(hadEnded, 'session')} had ended before and will not change.`,
    deleted > 0 && `${counted(deleted, 'record')} will be deleted.`,
    open > 0 && `${openText(open, deleted)} open and will end.`,
    ...missing(trial),
  ]
  return told.filter((sentence) => sentence !== false)
}

function openText(open: number, of: number): string {
  return of === 1 ? 'It is' : `${number(open)} of them ${open === 1 ? 'is' : 'are'}`
}

/** What the call did. */
export function report(outcomes: readonly Outcome[], asked: number): string {
  const [closed, hadEnded] = [amount(outcomes, 'closed'), amount(outcomes, 'had_ended')]
  const deleted = amount(outcomes, 'deleted')
  const left = asked - outcomes.length
  return [
    closed > 0 && `Closed ${counted(closed, 'session')}.`,
    deleted > 0 && `Deleted ${counted(deleted, 'record')}.`,
    hadEnded > 0 && `${counted(hadEnded, 'session')} had ended before.`,
    ...missing(outcomes),
    left > 0 && `Stopped: ${counted(left, 'session')} left as they were.`,
  ]
    .filter((sentence) => sentence !== false)
    .join(' ')
}

function missing(outcomes: readonly Outcome[]): (string | false)[] {
  const [notFound, failed] = [amount(outcomes, 'not_found'), amount(outcomes, 'failed')]
  const why = outcomes.find(({ outcome }) => outcome === 'failed')?.message
  return [
    notFound > 0 &&
      `${counted(notFound, 'session')} ${notFound === 1 ? 'is' : 'are'} not there any more.`,
    failed > 0 && `${counted(failed, 'session')} failed: ${why}.`,
  ]
}
