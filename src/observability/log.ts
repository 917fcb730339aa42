import { type DestinationStream, destination as destinationOf, pino } from 'pino'
import type { After } from '../net/background-timers.js'
import { LineBounds } from './line-bounds.js'
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
/** Of what cannot be written for now. */
const MAX_KEPT_BYTES = 1024 * 1024

export interface LogOptions {
  /** Default: standard output, with or without room for it. */
  readonly destination?: DestinationStream
  readonly after?: After
}

/** One JSON line an event. `level` is one of `--log-level`, or `silent`. */
export function createLog(level: string, options: LogOptions = {}): Logger {
  const { destination = standardOutput(), after } = options
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // In place of pino's own, which keeps every field that an error has.
      serializers: { err: (error) => loggedError(error) },
    },
    destination,
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

/**
 * A line that cannot be written is kept for when there is room again, as where the log's disk is full: an
 * error of the stream that nobody listens to would end the server.
 */
function standardOutput(): DestinationStream {
  const output = destinationOf({ dest: 1, sync: true, maxLength: MAX_KEPT_BYTES })
  output.on('error', () => {})
  return output
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
