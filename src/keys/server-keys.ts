import type { Config } from '../config/serve-options.js'
import { StoreMismatchError } from '../core/errors.js'
import type { SessionStore } from '../core/store.js'
import { readSecretFile } from './key-files.js'
import { KeyTrail } from './key-trail.js'
import { SealingKeyRing } from './sealing-key-ring.js'
import { ServerIdentity } from './server-identity.js'

/** The keys that a server signs and seals with. Both may change while it runs. */
export interface ServerKeys {
  readonly identity: ServerIdentity
  readonly sealing: SealingKeyRing
  /** Ids of sealing keys that sessions may need and that this server lacks. */
  readonly missing: readonly string[]
}

/**
 * Reads the server's keys. Makes a missing identity only if the store has no session, since clients may have pinned the
 * missing one, and a missing sealing key only if nothing is sealed; none if other servers share the store. The store must be
 * open: its lock keeps two processes from making keys at once. Throws InputFileError, and StoreMismatchError, also where the
 * servers that share the store have other keys.
 */
export async function openServerKeys(
  config: Pick<Config, 'identityKey' | 'sealingKeys'>,
  store: Pick<SessionStore, 'list' | 'countOpen' | 'agreeOnKeys'>,
): Promise<ServerKeys> {
  const { identityKey: identityFile, sealingKeys: sealingFile } = config
  const trail = new KeyTrail(store)
  const known = await trail.known()
  await expectShared(identityFile, known?.identity ?? null)
  await expectShared(sealingFile, Object.keys(known?.sealing ?? {}).join(', ') || null)
  const { sessions } = await store.list({ skip: 0, take: 1, total: false })
  const identity = await ServerIdentity.open(identityFile, sessions.length === 0, trail)
  const mayMake = (await store.countOpen()) === 0
  const sealing = await SealingKeyRing.open(sealingFile, mayMake, trail)
  const missing = await trail.join({
    ...{ identityFile, sealingFile, sealing: sealing.keys },
    identity: identity.current.publicKey,
    nextIdentity: identity.next?.publicKey ?? null,
  })
  return { identity, sealing, missing }
}

/** `key`: what the servers that share the store have in this file; null if there are none. Throws StoreMismatchError. */
async function expectShared(file: string, key: string | null): Promise<void> {
  if (key !== null && (await readSecretFile(file)) === null) {
    throw new StoreMismatchError(
      `${file} is missing; other servers share the store, and have the key ${key}: put their file there`,
    )
  }
}
