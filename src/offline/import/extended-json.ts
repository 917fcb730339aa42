import { ExactNumber } from './exact-json.js'

/** Converts the content of a wrapper of this name to plain JSON; undefined if it is no such wrapper. */
const WRAPPERS: Readonly<Record<string, (held: unknown) => unknown>> = {
  $date: dateText,
  $oid: (held) => (typeof held === 'string' ? held : undefined),
  $symbol: (held) => (typeof held === 'string' ? held : undefined),
  $undefined: (held) => (held === true ? null : undefined),
  $numberInt: numberOf,
  $numberLong: longOf,
  $numberDouble: numberOf,
}

/**
 * Converts MongoDB's extended JSON, relaxed or canonical, to plain JSON, as the original service answers with it. Dates
 * become ISO 8601 strings, object ids strings, numbers numbers. Types without a JSON form, such as `$binary`, stay as they are.
 * @see https://github.com/mongodb/specifications/blob/master/source/extended-json.md
 */
export function plainJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    return value
  }
  if (Array.isArray(value)) {
    return value.map(plainJson)
  }
  const entries = Object.entries(value)
  const [[name, held] = ['', undefined]] = entries
  const plain =
    entries.length === 1 && Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name]?.(held) : undefined
  return plain !== undefined
    ? plain
    : Object.fromEntries(entries.map(([key, inner]) => [key, plainJson(inner)]))
}

/** A string; milliseconds in old releases; `$numberLong` in canonical form or outside 1970 to 9999. */
function dateText(held: unknown): string | undefined {
  const plain = plainJson(held)
  const time = plain instanceof ExactNumber ? Number(plain.text) : plain
  const isTime = typeof time === 'string' || typeof time === 'number'
  const date = new Date(isTime ? time : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

function numberOf(held: unknown): number | undefined {
  const isNumber = typeof held === 'string' && /^(?:-?(?:\d.*|Infinity)|NaN)$/.test(held)
  return isNumber ? Number(held) : undefined
}

/** Keeps the digits even if JavaScript has no such number. */
function longOf(held: unknown): number | ExactNumber | undefined {
  if (typeof held !== 'string' || !/^-?(?:0|[1-9]\d*)$/.test(held)) {
    return undefined
  }
  return Number.isSafeInteger(Number(held)) ? Number(held) : new ExactNumber(held)
}
