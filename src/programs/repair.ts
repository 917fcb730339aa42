import { randomBytes } from 'node:crypto'
import { cp, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Config } from '../config.js'
import { StoreLockedError, StoreUnavailableError } from '../core/errors.js'
import { syncDirectory } from '../files/directory.js'
import { type Database, LOCK_FILE, reasonOf, repairDatabase } from '../stores/level/database.js'
import { type RepairCounts, repairInto } from '../stores/level/repair.js'
import { replacementOf } from '../stores/level/replacement.js'
import { View } from '../stores/level/view.js'
import { holdLock } from './hold-lock.js'
import {
  dueUnder,
  expectStored,
  openStored,
  storedSealCheck,
  storeLocation,
} from './stored-data.js'

export interface Repaired {
  readonly counts: RepairCounts
  /** Where the store is as it was before; null for a dry run, which leaves it in place. */
  readonly keptAs: string | null
}

export interface RepairOptions {
  /** Says what would be done, and changes nothing. */
  readonly isDry: boolean
  /** Told of each thing that is dropped or mended, in one line. */
  readonly onLine: (line: string) => void
  /** Ends it with the signal's reason, and nothing is changed. */
  readonly signal?: AbortSignal
}

/**
 * Makes the store of a server that does not run anew, out of what can be read of it, and keeps the old one
 * beside it. Throws StoreMismatchError, StoreLockedError, StoreUnavailableError and InputFileError.
 */
export async function repairDataDir(config: Config, options: RepairOptions): Promise<Repaired> {
  const location = storeLocation(config)
  await expectStored(location)
  const suffix = randomBytes(6).toString('hex')
  const made = replacementOf(location, suffix)
  const copy = `${location}.copy-${suffix}`
  const lock = `${location}.lock-${suffix}`
  const parent = dirname(location)
  const remake = async (from: string) => {
    await rm(made, { recursive: true, force: true })
    return remakeStore(from, made, config, options)
  }
  let held: Database | null = null
  try {
    let counts: RepairCounts
    try {
      counts = await remake(location)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || error instanceof StoreLockedError) {
        throw error
      }
      // What a server wrote from here on would be lost with the old store.
      held = await holdLock(location, lock)
      options.onLine(
        `${location} cannot be read (${reasonOf(error.cause)}): taking what LevelDB can save`,
      )
      // It works on the files that it is given, and the old ones must stay as they are.
      // Nobody may touch the lock's file meanwhile.
      const filter = (source: string) => basename(source) !== LOCK_FILE
      await cp(location, copy, { recursive: true, filter }).catch((cause: Error) => {
        throw new StoreUnavailableError(`${location} cannot be copied: ${cause.message}`, cause)
      })
      await repairDatabase(copy)
      counts = await remake(copy)
    }
    if (options.isDry) {
      return { counts, keptAs: null }
    }
    options.signal?.throwIfAborted()
    held ??= await holdLock(location, lock)
    const keptAs = `${location}.before-repair-${new Date().toISOString().replaceAll(':', '-')}`
    await syncDirectory(made)
    await rename(location, keptAs)
    await rename(made, location)
    await syncDirectory(parent)
    return { counts, keptAs }
  } finally {
    await held?.close()
    for (const directory of [made, copy, lock]) {
      await rm(directory, { recursive: true, force: true })
    }
  }
}

async function remakeStore(
  from: string,
  to: string,
  config: Config,
  { onLine, signal }: RepairOptions,
): Promise<RepairCounts> {
  const database = await openStored(from)
  try {
    const view = await View.open((read) => {
      signal?.throwIfAborted()
      return database.read(read)
    })
    const ports = {
      ...dueUnder(config),
      trySeal: await storedSealCheck(config.sealingKeys),
      nowMs: Date.now(),
    }
    const lines = repairInto(to, view, ports)
    for (;;) {
      const { value, done } = await lines.next()
      if (done) {
        return value
      }
      onLine(value)
    }
  } finally {
    await database.close()
  }
}
