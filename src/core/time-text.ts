import { InvalidFieldError } from './errors.js'

// A date alone is UTC. A time needs its zone: otherwise it would depend on the server's.
const ISO_8601 =
  /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/
const NUMBER = /^\d+(?:\.\d+)?$/
/** Smaller numbers are Unix seconds (until the year 5138), others Unix milliseconds (from March 1973 on). */
const LEAST_MS = 100_000_000_000

/** The problem with a text that is no time. */
export const NO_TIME = 'is neither an ISO 8601 time nor Unix seconds or milliseconds'

/**
 * Reads a time: ISO 8601, or a number of seconds or milliseconds, also as text. Unix milliseconds; undefined if it is
 * neither, or is beyond the range of Date.
 */
export function timeMsOf(value: unknown): number | undefined {
  const ms =
    typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value))
      ? numberMs(Number(value))
      : typeof value === 'string' && ISO_8601.test(value)
        ? Date.parse(value)
        : Number.NaN
  // Beyond the range of Date there is no ISO 8601 to answer with. `+ 0` turns JSON's -0 into 0.
  return Number.isSafeInteger(ms) && !Number.isNaN(new Date(ms).getTime()) ? ms + 0 : undefined
}

/** Reads a time of a field. Throws InvalidFieldError. */
export function readTimeMs(field: string, value: unknown): number {
  const ms = timeMsOf(value)
  if (ms === undefined) {
    throw new InvalidFieldError(field, NO_TIME)
  }
  return ms
}

const DAY_MS = 86_400_000
const HOURS_AND_MINUTES = Array.from({ length: 24 * 60 }, (_, n) => {
  return `${digits(Math.floor(n / 60), 2)}:${digits(n % 60, 2)}:`
})
const SECONDS = Array.from({ length: 60 }, (_, n) => digits(n, 2))
const MILLISECONDS = Array.from({ length: 1000 }, (_, n) => `.${digits(n, 3)}Z`)
/** The last day written, with its `T`: most instants are of today, and a Date costs four times as much. */
let lastDay = Number.NaN
let lastDayText = ''

/** An instant as the server writes it: ISO 8601 in UTC, with milliseconds. */
export function isoText(timeMs: number): string {
  const day = Math.floor(timeMs / DAY_MS)
  if (day !== lastDay) {
    lastDayText = new Date(day * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length)
    lastDay = day
  }
  const inDayMs = timeMs - day * DAY_MS
  const seconds = Math.floor(inDayMs / 1000)
  // Few parts: each costs an object until the text is sent.
  return `${lastDayText}${HOURS_AND_MINUTES[Math.floor(seconds / 60)]}${SECONDS[seconds % 60]}${MILLISECONDS[Math.floor(inDayMs % 1000)]}`
}

function digits(n: number, length: number): string {
  return `${n}`.padStart(length, '0')
}

/** Seconds may have a fraction. Milliseconds may not: it would be a mistake. */
function numberMs(value: number): number {
  return Math.abs(value) < LEAST_MS ? Math.round(value * 1000) : value
}
