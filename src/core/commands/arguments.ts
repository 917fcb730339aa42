import { utf8Length } from '../bytes.js'
import { InvalidFieldError, MissingFieldError } from '../errors.js'
import { MAX_CLIENT_BYTES } from '../session.js'
import type { ListQuery } from '../store-lists.js'
import { isTooDeep, MAX_JSON_DEPTH } from './json-text.js'

/** Of ids, names and addresses, in UTF-8. */
const MAX_NAME_BYTES = 256
const LONE_SURROGATE = /\p{Surrogate}/u

/** What to open a session with. If one is found again, its values stay where none is given. */
export interface OpenArguments {
  readonly userId: string
  readonly userName?: string | undefined
  readonly address: string
  readonly client: string
  /** JSON text. */
  readonly user?: string | null | undefined
  /** JSON text. */
  readonly data?: string | null | undefined
}

export interface ListArguments extends Omit<ListQuery, 'skip' | 'take' | 'total'> {
  readonly id?: string
  readonly skip?: number
  /** At most 100, which is also the default. */
  readonly take?: number
  readonly total?: boolean
}

/** Reads a text that is not empty. Throws InvalidFieldError. */
export function readText(field: string, value: unknown): string {
  if (typeof value !== 'string') {
    throw new InvalidFieldError(field, 'must be a text')
  }
  if (value === '') {
    throw new InvalidFieldError(field, 'may not be empty')
  }
  // UTF-8 cannot encode it: two different texts would become one in the store.
  if (LONE_SURROGATE.test(value)) {
    throw new InvalidFieldError(field, 'has half of a surrogate pair')
  }
  return value
}

/** Throws MissingFieldError if the text is empty, InvalidFieldError if it is too long. */
export function checkRequired(field: string, text: string): void {
  if (text === '') {
    throw new MissingFieldError(field)
  }
  checkName(field, text)
}

/** Throws InvalidFieldError. */
export function checkName(field: string, text: string): void {
  checkLength(field, text, MAX_NAME_BYTES)
}

/** Throws InvalidFieldError. */
export function checkClient(client: string): void {
  checkLength('client', client, MAX_CLIENT_BYTES)
}

function checkLength(field: string, text: string, maxBytes: number): void {
  const length = utf8Length(text)
  if (length > maxBytes) {
    throw new InvalidFieldError(field, `has ${length} bytes; it may have ${maxBytes}`)
  }
}

/** Throws InvalidFieldError if JSON text is nested too deep. */
export function checkJson(field: string, text: string | null | undefined): void {
  if (typeof text === 'string' && isTooDeep(text)) {
    throw new InvalidFieldError(field, `is nested more than ${MAX_JSON_DEPTH} levels deep`)
  }
}

/** Throws InvalidFieldError, for `field`, if `user` and `data` are together too large. */
export function checkDataSize(
  user: string | null | undefined,
  data: string | null | undefined,
  maxBytes: number,
  field: 'user' | 'data' = 'data',
): void {
  // A UTF-16 unit takes at most three bytes in UTF-8, so most texts need no counting.
  if (3 * ((user?.length ?? 0) + (data?.length ?? 0)) <= maxBytes) {
    return
  }
  const length = utf8Length(user ?? '') + utf8Length(data ?? '')
  if (length > maxBytes) {
    throw new InvalidFieldError(
      field,
      `and ${field === 'data' ? 'user' : 'data'} have ${length} bytes of JSON together; they may have ${maxBytes}`,
    )
  }
}
