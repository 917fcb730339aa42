import { hex } from '@scure/base'
import type { OwnerKeys } from '../core/create/owner.js'
import { InputFileError } from '../core/errors.js'
import { ownerFromText } from '../core/owner-text.js'
import { publicKeyFromText } from '../crypto/public-key.js'
import { readInputText } from '../files/read.js'
import { type ReadOutcome, type WatchedFiles, watchFiles } from '../files/watch.js'
import { jsonEntries } from './json-object.js'

/**
 * Watches the file that lists which keys may sign for which owner. Where a change cannot be read the earlier list stays
 * in force. Throws InputFileError if the first reading fails.
 */
export function watchOwnersFile(
  file: string,
  onChange: (outcome: ReadOutcome<OwnerKeys>) => void,
): WatchedFiles<OwnerKeys> {
  return watchFiles([file], ownersReader(file), onChange)
}

/**
 * Returns a function that reads the file. It checks a key only when it first sees it, since that takes far longer than
 * reading, and blocks the server.
 */
export function ownersReader(file: string, keyFromText = publicKeyFromText): () => OwnerKeys {
  let checked = new Map<string, Uint8Array>()
  return () => {
    const found = new Map<string, Uint8Array>()
    const owners = parseOwners(readInputText(file), file, (text, where) => {
      const key = checked.get(text) ?? keyFromText(text, where)
      found.set(text, key)
      return key
    })
    checked = found
    return owners
  }
}

/**
 * A JSON object from owner ids (`hex:…`, `base58:…`, else plain text; 1 to 64 bytes) to one public
 * key or a list of them (`hex:…`, `base58:…`, else hex; 32 bytes Ed25519, 33 bytes compressed P-256).
 */
export function parseOwners(
  text: string,
  file: string,
  keyFromText = publicKeyFromText,
): OwnerKeys {
  const owners = new Map<string, Set<string>>()
  for (const [name, listed] of jsonEntries(text, file, 'owner ids to public keys')) {
    const owner = ownerFromText(name, file)
    const id = hex.encode(owner)
    const keys = owners.get(id) ?? new Set()
    const where = `${file}: owner ${JSON.stringify(name)}`
    for (const key of Array.isArray(listed) ? listed : [listed]) {
      if (typeof key !== 'string') {
        throw new InputFileError(where, 'must have a public key as a text, or a list of such')
      }
      keys.add(hex.encode(keyFromText(key, where)))
    }
    owners.set(id, keys)
  }
  return owners
}
