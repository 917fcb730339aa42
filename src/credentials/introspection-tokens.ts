import { InputFileError } from '../core/errors.js'
import { readInputText } from '../files/read.js'
import { type ReadOutcome, type WatchedFiles, watchFiles } from '../files/watch.js'
import { isToken } from '../net/token.js'
import { jsonEntries } from './json-object.js'
import { Secret } from './secret.js'

/** A shorter token could be guessed. */
const MIN_LENGTH = 16

/** The tokens of resource servers, by their names. */
export type ResourceServers = ReadonlyMap<string, Secret>

/**
 * Watches the file of the resource servers' tokens. Where a change cannot be read the earlier tokens stay in force. Throws
 * InputFileError if the first reading fails.
 */
export function watchIntrospectionTokens(
  file: string,
  onChange: (outcome: ReadOutcome<ResourceServers>) => void,
): WatchedFiles<ResourceServers> {
  return watchFiles([file], () => parseIntrospectionTokens(readInputText(file), file), onChange)
}

/** A JSON object from names to tokens of at least 16 characters. Throws InputFileError, which quotes no token. */
export function parseIntrospectionTokens(text: string, file: string): ResourceServers {
  return new Map(
    jsonEntries(text, file, 'names to tokens').map(([name, token]) => {
      if (typeof token !== 'string' || token.length < MIN_LENGTH || !isToken(token)) {
        throw new InputFileError(
          `${file}: ${JSON.stringify(name)}`,
          `must have a token of at least ${MIN_LENGTH} characters: ASCII, without spaces`,
        )
      }
      return [name, new Secret(token)]
    }),
  )
}

/** Whose token this is; null if it is nobody's. Compares with all, so that the time it takes tells nothing. */
export function resourceServerOf(servers: ResourceServers, given: string): string | null {
  let found: string | null = null
  for (const [name, secret] of servers) {
    found = secret.matches(given) ? name : found
  }
  return found
}
