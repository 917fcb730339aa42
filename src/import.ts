import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.js'
import { Deadlines } from './core/deadlines.js'
import { EpochClock } from './core/epoch.js'
import { InputFileError } from './core/errors.js'
import { splitArray } from './import/array.js'
import { type ImportCounts, Importer, type LeftOut } from './import/importer.js'
import { openServerKeys } from './server-keys.js'
import { LevelStore } from './stores/level/store.js'

const READ_BYTES = 256 * 1024

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
      // A store with open sessions must have keys, or the server takes them for lost.
      await openServerKeys(config, (await store.countOpen()) === 0)
      const importer = new Importer({
        store,
        deadlines: new Deadlines(clock, config),
        maxDataBytes: config.maxDataBytes,
        nowMs: Date.now,
        onLeftOut: hooks.onLeftOut,
      })
      const chunks = read(handle, file, (part) => hooks.onProgress(part, importer.soFar))
      return await importer.run(splitArray(chunks, file))
    } finally {
      await store.close()
    }
  } finally {
    await handle.close()
  }
}

async function openInput(file: string): Promise<FileHandle> {
  try {
    return await open(file)
  } catch (error) {
    throw new InputFileError(file, `cannot be read: ${(error as Error).message}`, error)
  }
}

async function* read(
  handle: FileHandle,
  file: string,
  onProgress: (part: number) => void,
): AsyncGenerator<Buffer> {
  const { size } = await handle.stat()
  let readBytes = 0
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let bytesRead: number
    try {
      ;({ bytesRead } = await handle.read(buffer, 0, READ_BYTES))
    } catch (error) {
      throw new InputFileError(file, `cannot be read: ${(error as Error).message}`, error)
    }
    if (bytesRead === 0) {
      return
    }
    yield buffer.subarray(0, bytesRead)
    readBytes += bytesRead
    onProgress(size === 0 ? 0 : readBytes / size)
  }
}
