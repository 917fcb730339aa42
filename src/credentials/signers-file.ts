import { hex } from '@scure/base'
import { InputFileError } from '../core/errors.js'
import { publicKeyFromText } from '../crypto/public-key.js'
import { readInputText } from '../files/read.js'
import { type ReadOutcome, type WatchedFiles, watchFiles } from '../files/watch.js'
import { jsonEntries } from './json-object.js'

/** The verbs that each service may use, by its public key in lower-case hex. */
export type SignerVerbs = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Watches the file that lists which services may have sessions sign, and for which verbs. Where a change cannot be read
 * the earlier list stays in force. Throws InputFileError if the first reading fails.
 */
export function watchSignersFile(
  file: string,
  verbs: readonly string[],
  onChange: (outcome: ReadOutcome<SignerVerbs>) => void,
): WatchedFiles<SignerVerbs> {
  return watchFiles([file], () => parseSigners(readInputText(file), file, verbs), onChange)
}

/**
 * A JSON object from public keys (`hex:…`, `base58:…`, else hex) to lists of `verbs`. Throws InputFileError.
 */
export function parseSigners(text: string, file: string, verbs: readonly string[]): SignerVerbs {
  const signers = new Map<string, Set<string>>()
  for (const [name, listed] of jsonEntries(text, file, 'public keys to lists of verbs')) {
    const key = hex.encode(publicKeyFromText(name, `${file}: a signer`))
    const allowed = signers.get(key) ?? new Set()
    signers.set(key, allowed)
    for (const verb of Array.isArray(listed) ? listed : [null]) {
      if (!verbs.includes(verb)) {
        const problem = `must have a list of verbs: ${verbs.join(', ')}`
        throw new InputFileError(`${file}: signer ${key}`, problem)
      }
      allowed.add(verb)
    }
  }
  return signers
}
