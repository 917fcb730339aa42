import { InputFileError } from './core/errors.js'
import { readSecretFile } from './key-files.js'

/** Fewer characters could be guessed. */
const MIN_LENGTH = 16

/** The token of a file, without the white space around it. Throws InputFileError. */
export async function readFeedToken(file: string): Promise<string> {
  const text = await readSecretFile(file)
  if (text === null) {
    throw new InputFileError(file, 'is not there: write a token into it (openssl rand -hex 32)')
  }
  const token = text.trim()
  if (token.length < MIN_LENGTH || /\s/.test(token)) {
    throw new InputFileError(file, `must hold one token of at least ${MIN_LENGTH} characters`)
  }
  return token
}
