import type { Config } from '../config.js'
import { SealingKeyRing } from './sealing-key-ring.js'
import { ServerIdentity } from './server-identity.js'

/** What a server signs and seals with. Both may change while it runs. */
export interface ServerKeys {
  readonly identity: ServerIdentity
  readonly sealing: SealingKeyRing
}

/**
 * Reads the server's keys; makes what is missing where the store is new. Called with the store open, for
 * its lock keeps two processes from making keys at once. Throws InputFileError, StoreMismatchError.
 */
export async function openServerKeys(config: Config, isNew: boolean): Promise<ServerKeys> {
  return {
    identity: await ServerIdentity.open(config.identityKey, isNew),
    sealing: await SealingKeyRing.open(config.sealingKeys, isNew),
  }
}
