import { randomBytes } from 'node:crypto'
import type { Config } from './config.js'
import { InputFileError, StoreMismatchError } from './core/errors.js'
import type { Signer } from './crypto/ed25519.js'
import { generateKey, privateKeyFromPem, privateKeyToPem } from './crypto/keys.js'
import {
  generateSealingKeys,
  type SealingKeys,
  sealingKeysFromJson,
  sealingKeysToJson,
} from './crypto/seal.js'
import { sodiumEd25519 } from './crypto/sodium.js'
import { readSecretFile, writeSecretFile } from './key-files.js'

/** What a server signs and seals with. */
export interface ServerKeys {
  readonly identity: Signer
  readonly sealingKeys: SealingKeys
}

/**
 * Reads the server's keys; makes what is missing where the store is new. Called with the store open, for
 * its lock keeps two processes from making keys at once. Throws InputFileError, StoreMismatchError.
 */
export async function openServerKeys(config: Config, isNew: boolean): Promise<ServerKeys> {
  return {
    identity: await openIdentity(config.identityKey, isNew),
    sealingKeys: await openSealingKeys(config.sealingKeys, isNew),
  }
}

async function openIdentity(file: string, mayMake: boolean): Promise<Signer> {
  const stored = await readSecretFile(file)
  if (stored === null && !mayMake) {
    throw new StoreMismatchError(
      `${file} is missing, but the store holds open sessions: restore it, or make a new identity with ` +
        `"sessiond keygen --out ${file}" (clients that pinned the old one will refuse this server)`,
    )
  }
  const key = stored === null ? generateKey('ed25519') : privateKeyFromPem(stored, file)
  if (key.type !== 'ed25519') {
    throw new InputFileError(file, "the server's identity must be an Ed25519 key")
  }
  if (stored === null) {
    await writeSecretFile(file, privateKeyToPem(key))
  }
  return sodiumEd25519.signer(key.seed)
}

async function openSealingKeys(file: string, mayMake: boolean): Promise<SealingKeys> {
  const stored = await readSecretFile(file)
  if (stored !== null) {
    return sealingKeysFromJson(stored, file)
  }
  if (!mayMake) {
    throw new StoreMismatchError(
      `${file} is missing, but the store holds open sessions that are sealed with it: restore it`,
    )
  }
  const keys = generateSealingKeys(randomBytes)
  await writeSecretFile(file, sealingKeysToJson(keys))
  return keys
}
