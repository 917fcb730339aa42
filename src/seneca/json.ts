import { isJsonObject, isTooDeep, MAX_JSON_DEPTH } from '../core/commands/json-text.js'
import { InvalidFieldError, MalformedError } from '../core/errors.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads one JSON value from UTF-8. Checks its depth before parsing. Throws MalformedError. */
export function readJson(bytes: Uint8Array): unknown {
  const text = decoded(bytes)
  if (isTooDeep(text)) {
    throw new MalformedError('message', `is nested more than ${MAX_JSON_DEPTH} levels deep`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw notJson(error)
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw notJson(error)
  }
}

function notJson(cause: unknown): MalformedError {
  return new MalformedError('message', 'is not JSON in UTF-8', cause)
}

/**
 * Throws InvalidFieldError if any object has the key `__proto__`. It is harmless here, but sessions' data goes to
 * callers that may merge objects. `value` comes from `readJson`, so its depth is limited.
 */
export function refuseProto(value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach(refuseProto)
  } else if (isJsonObject(value)) {
    // Parsed JSON has no inherited keys to loop over, and this is cheaper than Object.keys.
    for (const key in value) {
      if (key === '__proto__') {
        throw new InvalidFieldError('__proto__', 'may not be a key')
      }
      const inner = value[key]
      if (typeof inner === 'object') {
        refuseProto(inner)
      }
    }
  }
}
