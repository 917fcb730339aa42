import { randomBytes } from 'node:crypto'
import { StoreInfo } from '#generated/sessiond/store/v1/store'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import { areEpochs } from '../../epochs.js'
import { withChecksum, withoutChecksum } from '../../rows/checksum.js'
import { attempt } from '../../rows/record.js'
import { INFO_KEY, LAYOUT_VERSION } from './keys.js'
import { isShardCount } from './shards.js'

export const STORE_ID_BYTES = 16

/** What the servers of a store must agree on. It cannot change once the store is made. */
export interface Info {
  readonly layoutVersion: number
  readonly epochs: EpochSettings
  readonly shards: number
  /** Random, 16 bytes: cursors of another store are known by it. */
  readonly storeId: Uint8Array
}

/** What the first server of a store says of it. */
export function newInfo(epochs: EpochSettings, shards: number): Info {
  return { layoutVersion: LAYOUT_VERSION, epochs, shards, storeId: randomBytes(STORE_ID_BYTES) }
}

export function infoValue({ layoutVersion, epochs, shards, storeId }: Info): Buffer {
  const message = StoreInfo.encode({
    layoutVersion,
    epochGenesisMs: BigInt(epochs.genesisAtMs),
    epochLengthMs: BigInt(epochs.lengthMs),
    uncheckedFrom: new Uint8Array(),
    hasEarlierKeys: false,
    shards,
    storeId,
    lacksEndings: false,
  })
  return withChecksum(Buffer.from(INFO_KEY), message.finish())
}

/** Throws StoreDamagedError, and StoreMismatchError for a layout of another release. `location` is for messages. */
export function readInfo(stored: Buffer, location: string): Info {
  const name = `${location}: its record of layout and epochs`
  const value = withoutChecksum(Buffer.from(INFO_KEY), stored)
  if (value === undefined) {
    throw new StoreDamagedError(`${name} fails its checksum`)
  }
  const info = attempt(name, () => StoreInfo.decode(value))
  const { layoutVersion, shards } = info
  if (layoutVersion !== LAYOUT_VERSION) {
    throw new StoreMismatchError(
      `${location} has layout ${layoutVersion}; this release reads layout ${LAYOUT_VERSION}: start the release that wrote it`,
    )
  }
  const epochs = { genesisAtMs: Number(info.epochGenesisMs), lengthMs: Number(info.epochLengthMs) }
  const isNamed = info.storeId.length === STORE_ID_BYTES
  if (!isNamed || !isShardCount(shards) || !areEpochs(epochs)) {
    throw new StoreDamagedError(`${name} is not whole`)
  }
  return { layoutVersion, shards, epochs, storeId: new Uint8Array(info.storeId) }
}
