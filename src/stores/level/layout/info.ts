import type { EpochSettings } from '../../../core/epoch.js'
import { StoreMismatchError } from '../../../core/errors.js'
import type { Database } from '../database.js'
import { encodeInfo, type Info } from './codec.js'
import { INFO_KEY, LAYOUT_VERSION, UNCHECKED_LAYOUT_VERSION } from './keys.js'

/**
 * Writes down what a new store is made under. Throws StoreMismatchError where an old one differs. Returns
 * what the store has.
 */
export async function agreeOnInfo(database: Database, epochs: EpochSettings): Promise<Info> {
  const { location, info } = database
  if (info !== undefined) {
    expectInfo(info, epochs, location)
    return info
  }
  const anyKey = await database.read((level) => level.keys({ limit: 1 }).all())
  if (anyKey.length > 0) {
    throw new StoreMismatchError(
      `${location} holds a database that is not a session store: give another --data-dir`,
    )
  }
  const made = newInfo(epochs)
  await database.commit([[INFO_KEY, encodeInfo(made)]], true)
  return made
}

/** Of a store that this release makes. */
export function newInfo(epochs: EpochSettings): Info {
  return { layoutVersion: LAYOUT_VERSION, epochs, uncheckedFrom: new Uint8Array() }
}

/** Throws StoreMismatchError where a store was made under something else; `name` is the store's. */
export function expectInfo(stored: Info, epochs: EpochSettings, name: string): void {
  if (![UNCHECKED_LAYOUT_VERSION, LAYOUT_VERSION].includes(stored.layoutVersion)) {
    throw new StoreMismatchError(
      `${name} has layout ${stored.layoutVersion}; this release reads layouts ` +
        `${UNCHECKED_LAYOUT_VERSION} and ${LAYOUT_VERSION}: start the release that wrote it, or give another --data-dir`,
    )
  }
  const { genesisMs, lengthMs } = stored.epochs
  if (genesisMs !== epochs.genesisMs || lengthMs !== epochs.lengthMs) {
    throw new StoreMismatchError(
      `${name} was made with ${epochText(stored.epochs)}, but ${epochText(epochs)} ` +
        'is configured, which would move the end of every session: configure what it was made ' +
        'with, or give another --data-dir',
    )
  }
}

function epochText({ genesisMs, lengthMs }: EpochSettings): string {
  return `--epoch-genesis ${new Date(genesisMs).toISOString()} and --epoch-length ${lengthMs}ms`
}
