import { InvalidFieldError, MalformedError } from '../core/errors.js'

/** How deep a message may be nested, itself counted. */
export const MAX_DEPTH = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b])
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d])
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** One JSON value from UTF-8. Depth is checked before anything is parsed. Throws MalformedError. */
export function readJson(bytes: Uint8Array): unknown {
  if (nestedDeeper(bytes, MAX_DEPTH)) {
    throw new MalformedError('message', `is nested more than ${MAX_DEPTH} levels deep`)
  }
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (error) {
    throw new MalformedError('message', 'is not JSON in UTF-8', error)
  }
}

/** An object as JSON has them: neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Throws InvalidFieldError where any object has a key `__proto__`: harmless here, but the data of
 * sessions is handed to callers that merge objects. `value` comes from `readJson`, so depth is bounded.
 */
export function refuseProto(value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    return
  }
  if (Object.hasOwn(value, '__proto__')) {
    throw new InvalidFieldError('__proto__', 'may not be a key')
  }
  for (const inner of Object.values(value)) {
    refuseProto(inner)
  }
}

/** In UTF-8 the bytes looked for stand for themselves alone. */
function nestedDeeper(bytes: Uint8Array, levels: number): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (inText) {
      if (byte === BACKSLASH) {
        at++
      } else if (byte === QUOTE) {
        inText = false
      }
    } else if (byte === QUOTE) {
      inText = true
    } else if (OPENING.has(byte)) {
      depth++
      if (depth > levels) {
        return true
      }
    } else if (CLOSING.has(byte)) {
      depth--
    }
  }
  return false
}
