import { type DestinationStream, destination as destinationOf, pino } from 'pino'
import { snakeKeys } from '../core/snake-case.js'
import type { After } from '../net/timers.js'
import { LineBounds } from './line-bounds.js'
import { loggedError } from './log-error.js'

/** What a line may hold: plain values, so that no object is logged with everything inside it. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly string[]
  | Readonly<Record<string, number>>

type Checked<F> = { readonly [K in keyof F]: K extends 'err' ? unknown : LogValue }

/** `event` names the kind of line and is stable. docs/operations.md lists them all. */
type WriteLine = <F extends { readonly event: string }>(
  fields: F & Checked<F>,
  message: string,
) => void

export interface Logger {
  readonly error: WriteLine
  readonly warn: WriteLine
  readonly info: WriteLine
  /** Without limits, to see every call. */
  readonly debug: WriteLine
  isLevelEnabled(level: 'debug'): boolean
}

/** Lines of one event in one second; the others are only counted. */
const MAX_LINES = 10
/** Of lines that cannot be written for now. */
const MAX_KEPT_BYTES = 1024 * 1024

export interface LogOptions {
  /** Default: standard output, whose errors are ignored. */
  readonly destination?: DestinationStream
  readonly after?: After
}

/** Logs one line of JSON for each event. `level`: one of pino's, or `silent`. */
export function createLog(level: string, options: LogOptions = {}): Logger {
  const { destination = standardOutput(), after } = options
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own keeps every field of an error.
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
 * Keeps lines that cannot be written, such as on a full disk, until they can. Without a listener an error of the
 * stream would end the server.
 */
export function standardOutput(): DestinationStream {
  const output = destinationOf({ dest: 1, sync: true, maxLength: MAX_KEPT_BYTES })
  output.on('error', () => {})
  return output
}

/** The fields as the line has them. That their values are plain, the types say too; this holds where they are bypassed. */
function logged(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const checked = Object.entries(fields).map(([name, value]) => [
    name,
    name === 'err' || isLogValue(value) ? value : '[left out]',
  ])
  return snakeKeys(Object.fromEntries(checked))
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
