import { InputFileError } from '../core/errors.js'

/** The entries of a file that holds one JSON object; `what` says from what to what, as `names to tokens`. Throws InputFileError. */
export function jsonEntries(text: string, file: string, what: string): [string, unknown][] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Without its cause: a syntax error of JSON.parse quotes what it read, which may be a secret.
    throw new InputFileError(file, 'is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new InputFileError(file, `must hold one JSON object from ${what}`)
  }
  return Object.entries(parsed)
}
