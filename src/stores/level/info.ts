import type { EpochSettings } from '../../core/epoch.js'
import { StoreMismatchError } from '../../core/errors.js'
import { encodeInfo, type Info } from './codec.js'
import type { Database } from './database.js'
import { INFO_KEY, LAYOUT_VERSION } from './keys.js'
import { storedInfo } from './stored.js'

/**
 * Writes down what a new store is made under. Throws StoreMismatchError where an old one differs,
 * StoreDamagedError where that cannot be read.
 */
export async function agreeOnInfo(database: Database, epochs: EpochSettings): Promise<void> {
  const { location } = database
  const [bytes, anyKey] = await database.read(async (level) => [
    level.getSync(INFO_KEY),
    await level.keys({ limit: 1 }).all(),
  ])
  if (bytes === undefined) {
    if (anyKey.length > 0) {
      throw new StoreMismatchError(
        `${location} holds a database that is not a session store: give another --data-dir`,
      )
    }
    const info = encodeInfo({ layoutVersion: LAYOUT_VERSION, epochs })
    await database.commit([[INFO_KEY, info]], true)
    return
  }
  expectInfo(storedInfo(bytes, location), epochs, location)
}

/** Throws StoreMismatchError where a store was made under something else; `name` is the store's. */
export function expectInfo(stored: Info, epochs: EpochSettings, name: string): void {
  if (stored.layoutVersion !== LAYOUT_VERSION) {
    throw new StoreMismatchError(
      `${name} has layout ${stored.layoutVersion}; this release reads layout ` +
        `${LAYOUT_VERSION}: start the release that wrote it, or give another --data-dir`,
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
