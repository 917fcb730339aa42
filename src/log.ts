import { type DestinationStream, pino } from 'pino'
import { type After, LineBounds } from './line-bounds.js'
import { loggedError } from './log-error.js'

/** What a line may hold: named values, so that no object gets into the log with all that it holds. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly string[]
  | Readonly<Record<string, number>>

type Checked<F> = { readonly [K in keyof F]: K extends 'err' ? unknown : LogValue }

/** `event` names the kind of line, and never changes; docs/operations.md lists them all. */
type WriteLine = <F extends { readonly event: string }>(
  fields: F & Checked<F>,
  message: string,
) => void

export interface Logger {
  readonly error: WriteLine
  readonly warn: WriteLine
  readonly info: WriteLine
  /** Without bounds: for a look at every call. */
  readonly debug: WriteLine
  isLevelEnabled(level: 'debug'): boolean
}

/** Of one event in one second; further ones are counted. */
const MAX_LINES = 10

export interface LogOptions {
  /** Default: standard output. */
  readonly destination?: DestinationStream
  readonly after?: After
}

/** One JSON line an event. `level` is one of `--log-level`, or `silent`. */
export function createLog(level: string, { destination, after }: LogOptions = {}): Logger {
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // In place of pino's own, which keeps every field that an error has.
      serializers: { err: (error) => loggedError(error) },
    },
    ...(destination === undefined ? [] : [destination]),
  )
  const bounded = (level: 'error' | 'warn' | 'info'): WriteLine => {
    const bounds = new LineBounds(
      MAX_LINES,
      (of, count) => lines[level]({ event: 'lines-left-out', of, lines: count }, 'too many lines'),
      after,
    )
    return (fields, message) => {
      if (lines.isLevelEnabled(level) && bounds.admits(fields.event)) {
        lines[level](logged(fields), message)
      }
    }
  }
  return {
    error: bounded('error'),
    warn: bounded('warn'),
    info: bounded('info'),
    debug(fields, message) {
      if (lines.isLevelEnabled('debug')) {
        lines.debug(logged(fields), message)
      }
    },
    isLevelEnabled: (level) => lines.isLevelEnabled(level),
  }
}

/** The types say the same; this also holds where they were got around. */
function logged(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      name === 'err' || isLogValue(value) ? value : '[left out]',
    ]),
  )
}

function isLogValue(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return typeof value !== 'function' && typeof value !== 'symbol' && typeof value !== 'bigint'
  }
  return Array.isArray(value)
    ? value.every((item) => typeof item === 'string')
    : Object.getPrototypeOf(value) === Object.prototype &&
        Object.values(value).every((item) => typeof item === 'number')
}
