import { readFileSync } from 'node:fs'
import { isToken } from './client/token.js'
import { InputFileError } from './core/errors.js'

/** Fewer characters could be guessed. */
const MIN_LENGTH = 16

/** The token of a file, without the white space around it. Throws InputFileError. */
export function readTokenFile(file: string): string {
  const token = readText(file).trim()
  // What a header cannot carry would never be shown.
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
    return readFileSync(file, 'utf8')
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new InputFileError(
      file,
      isAbsent
        ? 'is not there: write a token into it (openssl rand -hex 32)'
        : `cannot be read: ${(error as Error).message}`,
      error,
    )
  }
}
