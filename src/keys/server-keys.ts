import type { Config } from '../config/serve-options.js'
import type { SessionStore } from '../core/store.js'
import { SealingKeyRing } from './sealing-key-ring.js'
import { ServerIdentity } from './server-identity.js'

/** The keys that a server signs and seals with. Both may change while it runs. */
export interface ServerKeys {
  readonly identity: ServerIdentity
  readonly sealing: SealingKeyRing
}

/**
 * Reads the server's keys. Makes a missing identity only if the store has no session, since clients may have pinned the
 * missing one, and a missing sealing key only if nothing is sealed. The store must be open: its lock keeps two processes
 * from making keys at once. Throws InputFileError, StoreMismatchError.
 */
export async function openServerKeys(
  config: Config,
  store: Pick<SessionStore, 'list' | 'countOpen'>,
): Promise<ServerKeys> {
  const { sessions } = await store.list({ skip: 0, take: 1, total: false })
  return {
    identity: await ServerIdentity.open(config.identityKey, sessions.length === 0),
    sealing: await SealingKeyRing.open(config.sealingKeys, (await store.countOpen()) === 0),
  }
}
