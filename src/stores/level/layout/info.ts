import { randomBytes } from 'node:crypto'
import { StoreInfo } from '#generated/sessiond/store/v1/store'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import { areEpochs, expectEpochs } from '../../epochs.js'
import { withoutChecksum } from '../../rows/checksum.js'
import { attempt } from '../../rows/record.js'
import { milliseconds } from '../../rows/values.js'
import type { IsUnchecked } from '../byte-level.js'
import {
  LONG_KEYS_LAYOUT_VERSION,
  UNCHECKED_LAYOUT_VERSION,
  UNTOLD_LAYOUT_VERSION,
} from './earlier-keys.js'
import { INFO_KEY, LAYOUT_VERSION, RANGES } from './keys.js'

const READABLE = [
  UNCHECKED_LAYOUT_VERSION,
  LONG_KEYS_LAYOUT_VERSION,
  UNTOLD_LAYOUT_VERSION,
  LAYOUT_VERSION,
]
const STORE_ID_BYTES = 16

/** The facts about a store. */
export interface Info {
  readonly layoutVersion: number
  readonly epochs: EpochSettings
  /** While an older store is upgraded: rows from this key on have no checksum yet. Otherwise empty. */
  readonly uncheckedFrom: Uint8Array
  /** Whether some keys are still those of an earlier layout. */
  readonly hasEarlierKeys: boolean
  /** Random, 16 bytes; empty in a store that an earlier release made. */
  readonly storeId: Uint8Array
  /** Whether endings of sessions that an earlier release ended may be missing. */
  readonly lacksEndings: boolean
}

/** Those of a store that this release makes. */
export function newInfo(epochs: EpochSettings): Info {
  return {
    layoutVersion: LAYOUT_VERSION,
    epochs,
    uncheckedFrom: new Uint8Array(),
    hasEarlierKeys: false,
    storeId: randomBytes(STORE_ID_BYTES),
    lacksEndings: false,
  }
}

/** The same facts, of a store whose layout was or is being changed to that of this release. */
export function renewedInfo(info: Info): Info {
  const { layoutVersion } = info
  return {
    ...info,
    layoutVersion: LAYOUT_VERSION,
    hasEarlierKeys: info.hasEarlierKeys || layoutVersion <= LONG_KEYS_LAYOUT_VERSION,
    storeId: info.storeId.length > 0 ? info.storeId : randomBytes(STORE_ID_BYTES),
    lacksEndings: info.lacksEndings || layoutVersion <= UNTOLD_LAYOUT_VERSION,
  }
}

/** Throws StoreMismatchError if the store was made with another layout or other epochs; `name` is the store's. */
export function expectInfo(stored: Info, epochs: EpochSettings, name: string): void {
  if (!READABLE.includes(stored.layoutVersion)) {
    throw new StoreMismatchError(
      `${name} has layout ${stored.layoutVersion}; this release reads layouts ` +
        `${READABLE.join(', ')}: start the release that wrote it, or give another --data-dir`,
    )
  }
  expectEpochs(stored.epochs, epochs, name, ', or give another --data-dir')
}

export function encodeInfo({ layoutVersion, epochs, ...info }: Info): Uint8Array {
  return StoreInfo.encode({
    ...info,
    layoutVersion,
    epochGenesisMs: BigInt(epochs.genesisAtMs),
    epochLengthMs: BigInt(epochs.lengthMs),
    shards: 0,
  }).finish()
}

export function decodeInfo(bytes: Uint8Array): Info {
  const { layoutVersion, epochGenesisMs, epochLengthMs, ...info } = StoreInfo.decode(bytes)
  return {
    layoutVersion,
    uncheckedFrom: new Uint8Array(info.uncheckedFrom),
    hasEarlierKeys: info.hasEarlierKeys,
    storeId: new Uint8Array(info.storeId),
    lacksEndings: info.lacksEndings,
    epochs: { genesisAtMs: milliseconds(epochGenesisMs), lengthMs: milliseconds(epochLengthMs) },
  }
}

/** Throws StoreDamagedError for what the store cannot have written. `location` is for messages. */
export function storedInfo(bytes: Uint8Array, location: string): Info {
  const name = `${location}: its record of layout and epochs`
  const info = attempt(name, () => decodeInfo(bytes))
  const { layoutVersion, epochs } = info
  if (layoutVersion < 1 || !areEpochs(epochs)) {
    throw new StoreDamagedError(`${name} is not whole`)
  }
  return info
}

/**
 * Decodes the stored row of facts about the store; undefined if there is none. It accepts a row without a checksum only
 * if every byte is as the releases of layout 1 wrote it: no damage turns a newer row into that. Throws StoreDamagedError.
 */
export function readInfoRow(stored: Uint8Array | undefined, location: string): Info | undefined {
  if (stored === undefined) {
    return undefined
  }
  const value = withoutChecksum(INFO_KEY, stored)
  if (value !== undefined) {
    return storedInfo(value, location)
  }
  const info = storedInfo(stored, location)
  const isOld = info.layoutVersion === UNCHECKED_LAYOUT_VERSION
  if (!isOld || Buffer.compare(encodeInfo(info), stored) !== 0) {
    throw new StoreDamagedError(`${location}: its record of layout and epochs fails its checksum`)
  }
  return info
}

/** Which rows of such a store have no checksum; undefined if all have one. */
export function uncheckedRows(info: Info | undefined): IsUnchecked | undefined {
  if (info?.layoutVersion === UNCHECKED_LAYOUT_VERSION) {
    return () => true
  }
  const from = info?.uncheckedFrom ?? new Uint8Array()
  // The facts get their checksums with the first batch.
  return from.length === 0
    ? undefined
    : (key) => key[0] !== RANGES.facts.gte[0] && key.compare(from) >= 0
}
