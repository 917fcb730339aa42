import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../config/serve-options.js'
import { storeLocation } from '../config/store-location.js'
import { syncDirectory } from '../files/directory.js'
import { LOCK_FILE } from '../stores/level/database.js'
import { type RepairCounts, repairStore } from '../stores/level/maintenance/repair.js'
import { replacementOf } from '../stores/level/maintenance/replacement.js'
import { type HeldLock, holdLock } from './hold-lock.js'
import { dueUnder, expectStored, storedSealCheck } from './stored-data.js'

export interface Repaired {
  readonly counts: RepairCounts
  /** Where the store is as it was before; null for a dry run, which leaves it in place. */
  readonly keptAs: string | null
}

export interface RepairOptions {
  /** Says what would be done, and changes nothing. */
  readonly isDry: boolean
  /** Told of each thing that is dropped or mended, in one line; a promise that it returns is waited for. */
  readonly onLine: (line: string) => unknown
  /** Ends it with the signal's reason, and nothing is changed. */
  readonly signal?: AbortSignal
}

/**
 * Makes the store of a server that does not run anew, out of what can be read of its files, and keeps the old
 * one beside it. Throws StoreMismatchError, StoreLockedError, StoreUnavailableError and InputFileError.
 */
export async function repairDataDir(config: Config, options: RepairOptions): Promise<Repaired> {
  const location = storeLocation(config)
  await expectStored(location)
  const suffix = randomBytes(6).toString('hex')
  const places = {
    made: replacementOf(location, suffix),
    saved: `${location}.copy-${suffix}`,
    stage: `${location}.stage-${suffix}`,
  }
  const lock = `${location}.lock-${suffix}`
  const parent = dirname(location)
  let held: HeldLock | null = null
  try {
    await makeLockFile(location)
    // What a server wrote from here on would be lost with the old store.
    held = await holdLock(location, lock)
    const ports = {
      ...dueUnder(config),
      trySeal: await storedSealCheck(config.sealingKeys),
      nowMs: Date.now(),
    }
    const counts = await linesOf(repairStore(location, places, ports), options)
    if (options.isDry) {
      return { counts, keptAs: null }
    }
    options.signal?.throwIfAborted()
    const keptAs = `${location}.before-repair-${new Date().toISOString().replaceAll(':', '-')}`
    await syncDirectory(places.made)
    await rename(location, keptAs)
    await rename(places.made, location)
    await syncDirectory(parent)
    return { counts, keptAs }
  } finally {
    await held?.close()
    for (const directory of [...Object.values(places), lock]) {
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** A copy of a store may have come without it. */
async function makeLockFile(location: string): Promise<void> {
  await (await open(join(location, LOCK_FILE), 'a', 0o600)).close()
}

/** Runs a repair and tells of its lines; returns its outcome. */
async function linesOf(
  lines: AsyncGenerator<string, RepairCounts>,
  { onLine, signal }: RepairOptions,
): Promise<RepairCounts> {
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { value, done } = await lines.next()
      if (done) {
        return value
      }
      await onLine(value)
    }
  } catch (error) {
    await lines.return({ sessions: 0, seals: 0, answers: 0 })
    throw error
  }
}
