import { InvalidFieldError } from './errors.js'

// A date alone is UTC; a time needs its zone, for what else it meant would depend on the server's.
const ISO_8601 =
  /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/
const NUMBER = /^\d+(?:\.\d+)?$/
/** Below it a number is Unix seconds, until the year 5138; else Unix milliseconds, from March 1973 on. */
const LEAST_MS = 100_000_000_000

/** What to say of a text that is in none of the forms. */
export const NO_TIME = 'is neither an ISO 8601 time nor Unix seconds or milliseconds'

/**
 * A time as callers and operators write it, in milliseconds: ISO 8601, or a number, also as text. undefined where
 * it is none of these, or beyond what a date can say.
 */
export function timeMsOf(value: unknown): number | undefined {
  const ms =
    typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value))
      ? numberMs(Number(value))
      : typeof value === 'string' && ISO_8601.test(value)
        ? Date.parse(value)
        : Number.NaN
  // The range of a Date: beyond it there is no ISO 8601 to answer with. JSON has a minus nothing.
  return Number.isSafeInteger(ms) && !Number.isNaN(new Date(ms).getTime()) ? ms + 0 : undefined
}

/** The same. Throws InvalidFieldError. */
export function readTimeMs(field: string, value: unknown): number {
  const ms = timeMsOf(value)
  if (ms === undefined) {
    throw new InvalidFieldError(field, NO_TIME)
  }
  return ms
}

/** An instant as what the server writes: ISO 8601 in UTC, with milliseconds. */
export function isoText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** Seconds may have a part; of milliseconds one would be no more than a mistake. */
function numberMs(value: number): number {
  return Math.abs(value) < LEAST_MS ? Math.round(value * 1000) : value
}
