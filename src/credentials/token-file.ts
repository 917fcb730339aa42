import { InputFileError } from '../core/errors.js'
import { isAbsent, readInputText } from '../files/read.js'
import { isToken } from '../net/token.js'

/** A shorter token could be guessed. */
const MIN_LENGTH = 16

/** Reads the token in a file, without the white space around it. Throws InputFileError. */
export function readTokenFile(file: string): string {
  const token = readText(file).trim()
  // A header could not carry any other token.
  if (token.length < MIN_LENGTH || !isToken(token)) {
    throw new InputFileError(
      file,
      `must hold one token of at least ${MIN_LENGTH} characters: ASCII, without spaces`,
    )
  }
  return token
}

function readText(file: string): string {
  try {
    return readInputText(file)
  } catch (error) {
    throw isAbsent(error)
      ? new InputFileError(
          file,
          'is not there: write a token into it (openssl rand -hex 32)',
          error,
        )
      : error
  }
}
