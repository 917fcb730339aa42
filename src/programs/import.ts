import { join } from 'node:path'
import type { Config } from '../config.js'
import { Deadlines } from '../core/deadlines.js'
import { EpochClock } from '../core/epoch.js'
import { splitArray } from '../import/array.js'
import { type ImportCounts, Importer, type LeftOut } from '../import/importer.js'
import { openServerKeys } from '../keys/server-keys.js'
import { LevelStore } from '../stores/level/store.js'
import { fileChunks, openInput } from './file-chunks.js'

export interface ImportHooks {
  onLeftOut(leftOut: LeftOut): void
  /** After each piece of the file: which part of it was read, from 0 to 1. */
  onProgress(part: number, counts: ImportCounts): void
}

/**
 * Brings the sessions in a file, one JSON array, into the store of a server that does not run. Throws
 * InputFileError, StoreLockedError, StoreMismatchError and StoreUnavailableError; what was brought in
 * until then stays.
 */
export async function importFile(
  file: string,
  config: Config,
  hooks: ImportHooks,
): Promise<ImportCounts> {
  const handle = await openInput(file)
  try {
    const clock = new EpochClock(
      { genesisMs: config.epochGenesisMs, lengthMs: config.epochLengthMs },
      Date.now,
    )
    const store = await LevelStore.open(join(config.dataDir, 'store'), { epochs: clock.settings })
    try {
      // A store with sessions must have keys, or the server takes them for lost.
      await openServerKeys(config, store)
      const importer = new Importer({
        store,
        deadlines: new Deadlines(clock, config),
        maxDataBytes: config.maxDataBytes,
        nowMs: Date.now,
        onLeftOut: hooks.onLeftOut,
      })
      const chunks = fileChunks(handle, file, (part) => hooks.onProgress(part, importer.soFar))
      return await importer.run(splitArray(chunks, file))
    } finally {
      await store.close()
    }
  } finally {
    await handle.close()
  }
}
