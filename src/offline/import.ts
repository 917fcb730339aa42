import { epochSettings } from '../config/epoch-settings.js'
import type { Config } from '../config/serve-options.js'
import { storePlace } from '../config/store-place.js'
import { ExpiryRules } from '../core/endings/expiry-rules.js'
import { EpochClock } from '../core/epoch.js'
import { type InputProgress, openInput } from '../files/read.js'
import { openServerKeys } from '../keys/server-keys.js'
import { storeEngine } from '../stores/index.js'
import { type ImportCounts, Importer, type LeftOut } from './import/importer.js'
import { splitFile } from './import/split.js'

export interface ImportHooks {
  onLeftOut(leftOut: LeftOut): void
  /** After each piece of the file. */
  onProgress(progress: InputProgress, counts: ImportCounts): void
}

/**
 * Imports the sessions in a file into the store of a stopped server. Throws InputFileError, StoreLockedError,
 * StoreMismatchError and StoreUnavailableError; sessions imported before the error stay.
 */
export async function importFile(
  file: string,
  config: Config,
  hooks: ImportHooks,
): Promise<ImportCounts> {
  const input = openInput(file)
  try {
    const clock = new EpochClock(epochSettings(config), Date.now)
    const engine = await storeEngine(storePlace(config))
    const store = await engine.open({ epochs: clock.settings })
    try {
      // A server refuses to start with sessions but no keys: it takes the keys for lost.
      await openServerKeys(config, store)
      const importer = new Importer({
        store,
        rules: new ExpiryRules(clock, config),
        maxDataBytes: config.maxDataBytes,
        nowMs: Date.now,
        onLeftOut: hooks.onLeftOut,
      })
      const chunks = input.chunks((progress) => hooks.onProgress(progress, importer.soFar))
      return await importer.run(splitFile(chunks, file))
    } finally {
      await store.close()
    }
  } finally {
    input.close()
  }
}
