import { createHash } from 'node:crypto'
import { hex } from '@scure/base'
import { KeyChangeError, StoreMismatchError } from '../core/errors.js'
import type { SessionStore, SharedKeys } from '../core/store.js'
import type { SealingKeys } from '../crypto/seal.js'

const MAX_EARLIER = 20
const PRINT_HEX_CHARS = 32
/** Where a server of the store has lost a key for good. */
const ADVICE = 'docs/operations.md, "Keys of several servers", says what to do if it is lost'

/** The keys that a server joins with, and the files that they are in. */
export interface JoiningKeys {
  readonly identity: Uint8Array
  readonly nextIdentity: Uint8Array | null
  readonly identityFile: string
  readonly sealing: SealingKeys
  readonly sealingFile: string
}

/**
 * What the store remembers of the keys of the servers that share it: public keys and fingerprints, no secret. Nothing is
 * remembered, and nothing refused, of a store that one server alone can open.
 */
export class KeyTrail {
  constructor(private readonly store: Pick<SessionStore, 'agreeOnKeys'>) {}

  /** null: one server alone has the store. */
  async known(): Promise<SharedKeys | null> {
    return (await this.store.agreeOnKeys?.((known) => known)) ?? null
  }

  /**
   * Compares the keys with those of the other servers, and remembers them. Returns the ids of sealing keys that sessions may
   * need and that this server lacks. Throws StoreMismatchError, which says what differs, for a server with other keys.
   */
  async join(keys: JoiningKeys): Promise<readonly string[]> {
    const known = await this.store.agreeOnKeys?.((before) =>
      withSealing(withIdentity(before, keys), keys),
    )
    return Object.keys(known?.sealing ?? {}).filter((id) => !keys.sealing.keys.has(id))
  }

  /** Throws KeyChangeError if another server has announced another key. */
  async announced(publicKey: Uint8Array, file: string): Promise<void> {
    const key = hex.encode(publicKey)
    await this.store.agreeOnKeys?.((known) => {
      if (known.nextIdentity !== null && known.nextIdentity !== key) {
        throw announcedElsewhere(known.nextIdentity, file)
      }
      return { ...known, nextIdentity: key }
    })
  }

  async activated(publicKey: Uint8Array, former: Uint8Array): Promise<void> {
    const key = hex.encode(publicKey)
    await this.store.agreeOnKeys?.((known) =>
      known.identity === key ? known : succeeded({ ...known, identity: hex.encode(former) }, key),
    )
  }

  /** This server seals with these of its keys. */
  async sealsWith(keys: SealingKeys, ids: Iterable<string>): Promise<void> {
    const added = prints(keys, ids)
    await this.store.agreeOnKeys?.((known) => ({
      ...known,
      sealing: { ...known.sealing, ...added },
    }))
  }

  /** All sessions are sealed with the current key. */
  async resealed(keys: SealingKeys): Promise<void> {
    await this.store.agreeOnKeys?.((known) => ({ ...known, sealing: prints(keys, [keys.current]) }))
  }
}

export function announcedElsewhere(key: string, file: string): KeyChangeError {
  return new KeyChangeError(
    `another server has announced the key ${key}: put its file in the place of ${file}, then announce again`,
  )
}

/** Throws StoreMismatchError. */
function withIdentity(
  known: SharedKeys,
  { identity, nextIdentity, identityFile }: JoiningKeys,
): SharedKeys {
  const key = hex.encode(identity)
  const next = nextIdentity && hex.encode(nextIdentity)
  if (known.identity === null) {
    return { ...known, identity: key, nextIdentity: next }
  }
  // It was activated while this server did not run, or the store could not be told.
  const now = known.nextIdentity === key ? succeeded(known, key) : known
  if (now.identity !== key) {
    const isEarlier = now.earlierIdentities.includes(key)
    throw new StoreMismatchError(
      `${identityFile} holds the key ${key}${isEarlier ? ', which another one has followed' : ''}; the servers of the store ` +
        `sign with ${now.identity}: put their file there. ${ADVICE}`,
    )
  }
  if (next !== null && now.nextIdentity !== null && next !== now.nextIdentity) {
    throw new StoreMismatchError(
      `the key that this server will sign with next is ${next}, but the servers of the store have announced ` +
        `${now.nextIdentity}: put their file there`,
    )
  }
  return next === null || next === now.nextIdentity ? now : { ...now, nextIdentity: next }
}

/** Throws StoreMismatchError. */
function withSealing(known: SharedKeys, { sealing, sealingFile }: JoiningKeys): SharedKeys {
  const ids = Object.keys(known.sealing)
  const own = prints(sealing, sealing.keys.keys())
  const other = ids.find((id) => id in own && own[id] !== known.sealing[id])
  if (other !== undefined) {
    throw new StoreMismatchError(
      `the key ${other} in ${sealingFile} is not the one that the servers of the store have under this id: put their file there. ${ADVICE}`,
    )
  }
  if (ids.length > 0 && !ids.some((id) => id in own)) {
    throw new StoreMismatchError(
      `${sealingFile} has none of the keys that sessions of the store are sealed with, ${ids.join(', ')}: put the file of ` +
        `the other servers there. ${ADVICE}`,
    )
  }
  // Of the first server that comes, sessions may be sealed with any.
  const added = ids.length === 0 ? own : prints(sealing, [sealing.current])
  return Object.keys(added).every((id) => ids.includes(id))
    ? known
    : { ...known, sealing: { ...known.sealing, ...added } }
}

function succeeded(known: SharedKeys, key: string): SharedKeys {
  const earlier = [...(known.identity === null ? [] : [known.identity]), ...known.earlierIdentities]
  const nextIdentity = known.nextIdentity === key ? null : known.nextIdentity
  return {
    ...known,
    identity: key,
    nextIdentity,
    earlierIdentities: earlier.slice(0, MAX_EARLIER),
  }
}

/** Of random keys: nobody can guess a key and compare. */
function prints(keys: SealingKeys, ids: Iterable<string>): Record<string, string> {
  return Object.fromEntries(
    [...ids].map((id) => {
      const hash = createHash('sha256').update(`sessiond sealing key ${id}\0`)
      const print = hash.update(keys.keys.get(id) as Uint8Array).digest('hex')
      return [id, print.slice(0, PRINT_HEX_CHARS)]
    }),
  )
}
