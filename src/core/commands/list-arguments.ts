import { InvalidFieldError } from '../errors.js'
import { readTimeMs } from '../time-text.js'
import { type ListArguments, readText } from './arguments.js'
import { PAGE } from './list-sessions.js'

/** What a caller sent, by key. */
type Values = Readonly<Record<string, unknown>>

/** How each key is read. Each reader throws InvalidFieldError. */
type Readers = Readonly<Record<string, (field: string, value: unknown) => ListArguments>>

const FILTER: Readers = {
  id: (field, value) => ({ id: readId(field, value) }),
  user_id: (field, value) => ({ userId: readId(field, value) }),
  active: (field, value) => ({ active: readFlag(field, value) }),
  from_time: (field, value) => ({ fromTimeMs: readTimeMs(field, value) }),
  to_time: (field, value) => ({ toTimeMs: readTimeMs(field, value) }),
}

const PAGING: Readers = {
  skip: (field, value) => ({ skip: readCount(field, value) }),
  take: (field, value) => ({ take: Math.min(readCount(field, value), PAGE) }),
  total: (field, value) => ({ total: readFlag(field, value) }),
}

/** The booleans of the original service, in any case. */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map((text) => [text, true] as const),
  ...['false', 'f', 'no', 'n', '0'].map((text) => [text, false] as const),
])

/**
 * Reads the filter and paging of a list. Existing clients send all values as text, so texts may stand for numbers and
 * booleans, and the other way round. Unknown keys, null and empty texts are refused: ignoring them would show
 * more than was asked for. Throws InvalidFieldError, which names the key.
 */
export function readListArguments(filter: Values = {}, paging: Values = {}): ListArguments {
  return { ...read('filter', FILTER, filter), ...read('paging', PAGING, paging) }
}

function read(path: string, readers: Readers, values: Values): ListArguments {
  const parts = Object.entries(values).map(([name, value]) => {
    const field = `${path}.${name}`
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined) {
      throw new InvalidFieldError(
        field,
        `is not known: it may have ${Object.keys(readers).join(', ')}`,
      )
    }
    return reader(field, value)
  })
  return Object.assign({}, ...parts)
}

function readId(field: string, value: unknown): string {
  // JSON may have changed a larger number on its way.
  return readText(field, Number.isSafeInteger(value) ? `${value}` : value)
}

function readFlag(field: string, value: unknown): boolean {
  const flag = typeof value === 'object' ? undefined : FLAGS.get(`${value}`.toLowerCase())
  if (flag === undefined) {
    throw new InvalidFieldError(field, 'must be true or false')
  }
  return flag
}

/** Numbers below 0 count as 0. */
function readCount(field: string, value: unknown): number {
  const count = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof count !== 'number' || !Number.isInteger(count)) {
    throw new InvalidFieldError(field, 'must be a whole number')
  }
  return Math.min(Math.max(count, 0), Number.MAX_SAFE_INTEGER)
}
