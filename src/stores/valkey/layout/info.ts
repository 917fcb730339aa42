import { StoreInfo } from '#generated/sessiond/store/v1/store'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import { withChecksum, withoutChecksum } from '../../rows/checksum.js'
import { attempt } from '../../rows/record.js'
import { INFO_KEY, LAYOUT_VERSION } from './keys.js'
import { isShardCount } from './shards.js'

/** What the servers of a store must agree on. It cannot change once the store is made. */
export interface Info {
  readonly layoutVersion: number
  readonly epochs: EpochSettings
  readonly shards: number
}

export function infoValue({ layoutVersion, epochs, shards }: Info): Buffer {
  const message = StoreInfo.encode({
    layoutVersion,
    epochGenesisMs: BigInt(epochs.genesisAtMs),
    epochLengthMs: BigInt(epochs.lengthMs),
    uncheckedFrom: new Uint8Array(),
    hasEarlierKeys: false,
    shards,
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
  const [genesisAtMs, lengthMs] = [Number(info.epochGenesisMs), Number(info.epochLengthMs)]
  const isGenesisSane = !Number.isNaN(new Date(genesisAtMs).getTime())
  if (!isShardCount(shards) || !isGenesisSane || !Number.isSafeInteger(lengthMs) || lengthMs < 1) {
    throw new StoreDamagedError(`${name} is not whole`)
  }
  return { layoutVersion, shards, epochs: { genesisAtMs, lengthMs } }
}
