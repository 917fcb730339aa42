import { InvalidFieldError } from './errors.js'

// A date alone is UTC; a time needs its zone, for what else it meant would depend on the server's.
const ISO_8601 =
  /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/

/** A time as callers write it, ISO 8601 or Unix milliseconds, in milliseconds. Throws InvalidFieldError. */
export function readTimeMs(field: string, value: unknown): number {
  const ms =
    typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))
      ? Number(value)
      : typeof value === 'string' && ISO_8601.test(value)
        ? Date.parse(value)
        : Number.NaN
  // The range of a Date: beyond it there is no ISO 8601 to answer with.
  if (!Number.isSafeInteger(ms) || Number.isNaN(new Date(ms).getTime())) {
    throw new InvalidFieldError(field, 'is neither an ISO 8601 time nor Unix milliseconds')
  }
  // JSON has a minus nothing, which the store has not.
  return ms + 0
}
