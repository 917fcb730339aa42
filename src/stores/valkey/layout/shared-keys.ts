import { StoreDamagedError } from '../../../core/errors.js'
import type { SharedKeys } from '../../../core/store.js'
import { withChecksum, withoutChecksum } from '../../rows/checksum.js'
import { attempt } from '../../rows/record.js'
import { SHARED_KEYS_KEY } from './keys.js'

const NAME = "the store's record of its servers' keys"
const NO_KEYS: SharedKeys = {
  identity: null,
  nextIdentity: null,
  earlierIdentities: [],
  sealing: {},
}

export function sharedKeysValue({
  identity,
  nextIdentity,
  earlierIdentities,
  sealing,
}: SharedKeys): Buffer {
  const text = JSON.stringify({ identity, nextIdentity, earlierIdentities, sealing })
  return withChecksum(Buffer.from(SHARED_KEYS_KEY), Buffer.from(text))
}

/** undefined: no server has joined yet. Throws StoreDamagedError. */
export function readSharedKeys(stored: Buffer | undefined): SharedKeys {
  if (stored === undefined) {
    return NO_KEYS
  }
  const value = withoutChecksum(Buffer.from(SHARED_KEYS_KEY), stored)
  if (value === undefined) {
    throw new StoreDamagedError(`${NAME} fails its checksum`)
  }
  const { identity, nextIdentity, earlierIdentities, sealing } = attempt(NAME, () =>
    Object(JSON.parse(Buffer.from(value).toString())),
  )
  const isWhole =
    [identity, nextIdentity].every((key) => key === null || typeof key === 'string') &&
    Array.isArray(earlierIdentities) &&
    earlierIdentities.every((key) => typeof key === 'string') &&
    typeof sealing === 'object' &&
    sealing !== null &&
    Object.values(sealing).every((print) => typeof print === 'string')
  if (!isWhole) {
    throw new StoreDamagedError(`${NAME} is not whole`)
  }
  return { identity, nextIdentity, earlierIdentities, sealing }
}
