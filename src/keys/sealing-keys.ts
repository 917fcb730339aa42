import { base64, hex } from '@scure/base'
import { InputFileError } from '../core/errors.js'
import type { SealingKeys } from '../crypto/seal.js'

const KEY_BYTES = 32
const KEY_ID_BYTES = 4
const KEY_ID = /^[\w-]{1,64}$/

/** One new sealing key under a random id. */
export function generateSealingKeys(randomBytes: (length: number) => Uint8Array): SealingKeys {
  const random = Uint8Array.from(randomBytes(KEY_ID_BYTES + KEY_BYTES))
  const current = hex.encode(random.subarray(0, KEY_ID_BYTES))
  return { current, keys: new Map([[current, random.subarray(KEY_ID_BYTES)]]) }
}

/** The text of a file of sealing keys: `{ "current": id, "keys": { id: base64 } }`. It is secret. */
export function sealingKeysToJson({ current, keys }: SealingKeys): string {
  const encoded = [...keys].map(([id, key]) => [id, base64.encode(key)])
  return `${JSON.stringify({ current, keys: Object.fromEntries(encoded) }, null, 2)}\n`
}

/** Reads such a text. Throws InputFileError, which never quotes the text. */
export function sealingKeysFromJson(text: string, file: string): SealingKeys {
  const { current, keys } = parseShape(text, file)
  const decoded = new Map<string, Uint8Array>()
  for (const [id, encoded] of Object.entries(keys)) {
    const key = Uint8Array.from(typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : [])
    if (!KEY_ID.test(id) || key.length !== KEY_BYTES) {
      throw new InputFileError(
        file,
        `entry ${decoded.size + 1} of "keys" must be an id (1 to 64 letters, digits, _ or -) with ${KEY_BYTES} bytes in base64`,
      )
    }
    decoded.set(id, key)
  }
  if (!decoded.has(current)) {
    throw new InputFileError(file, '"current" must be one of the ids in "keys"')
  }
  return { current, keys: decoded }
}

/** Adds a new key to such a text and makes it the current one. Everything else in it stays. Throws InputFileError. */
export function withNewSealingKey(
  text: string,
  file: string,
  randomBytes: (length: number) => Uint8Array,
): string {
  const { keys } = sealingKeysFromJson(text, file)
  for (;;) {
    const { current, keys: made } = generateSealingKeys(randomBytes)
    const key = made.get(current)
    if (key !== undefined && !keys.has(current)) {
      const shape = parseShape(text, file)
      const all = { ...shape.keys, [current]: base64.encode(key) }
      return `${JSON.stringify({ ...shape, current, keys: all }, null, 2)}\n`
    }
  }
}

function parseShape(text: string, file: string): { current: string; keys: object } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Without its cause: errors of JSON.parse quote the text.
    throw new InputFileError(file, 'is not JSON')
  }
  const { current, keys } = Object(parsed)
  if (typeof current !== 'string' || typeof keys !== 'object' || keys === null) {
    throw new InputFileError(file, 'must hold { "current": id, "keys": { id: base64 } }')
  }
  return { ...Object(parsed), current, keys }
}
