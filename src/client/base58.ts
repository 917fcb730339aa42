import { base58 } from '@scure/base'
import { InputFileError } from '../core/errors.js'

/** Decoding takes time by the square of the length. */
const MAX_CHARS = 1_000

/**
 * Bytes in base58, Bitcoin's alphabet: ids of owners, containers and objects. `ownerText` does the same with an owner's id.
 *
 * @example
 * ```ts
 * import { toBase58 } from 'sessiond/client'
 *
 * console.log(toBase58(Uint8Array.of(1, 2, 3))) // Ldp
 * ```
 */
export function toBase58(bytes: Uint8Array): string {
  return base58.encode(bytes)
}

/**
 * The bytes of a text in base58, at most 1,000 characters. `where` is the name that the error message gives to the text.
 *
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: the text is too long, or not base58.
 *
 * @example
 * ```ts
 * import { fromBase58 } from 'sessiond/client'
 *
 * console.log(fromBase58('Ldp')) // Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export function fromBase58(text: string, where = 'the text'): Uint8Array {
  if (text.length > MAX_CHARS) {
    throw new InputFileError(where, `has ${text.length} characters; at most ${MAX_CHARS} are read`)
  }
  try {
    return base58.decode(text)
  } catch {
    // Without the cause, which quotes the text.
    throw new InputFileError(where, 'is not base58')
  }
}
