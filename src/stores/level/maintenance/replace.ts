import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StoreMismatchError } from '../../../core/errors.js'
import { renameOnDisk, syncDirectory } from '../../../files/directory.js'
import { randomSuffix } from '../../../files/write.js'
import type { Repaired, RepairPorts } from '../../engine.js'
import { holdsDatabase, LOCK_FILE, namesIn } from '../database.js'
import { expectDatabase } from './check-files.js'
import { type HeldLock, holdLock } from './hold-lock.js'
import { repairStore } from './repair.js'

/** The directory of the repaired store until it replaces the old one. */
function replacementOf(location: string, suffix: string): string {
  return `${location}.repairing-${suffix}`
}

/** `StoreEngine.repair`: replaces the store by a repaired one, and keeps the old one beside it. */
export async function* repairInPlace(
  location: string,
  ports: RepairPorts,
): AsyncGenerator<string, Repaired> {
  await expectDatabase(location)
  const suffix = randomSuffix()
  const places = {
    made: replacementOf(location, suffix),
    saved: `${location}.copy-${suffix}`,
    stage: `${location}.stage-${suffix}`,
  }
  const lock = `${location}.lock-${suffix}`
  let held: HeldLock | null = null
  try {
    await makeLockFile(location)
    // A server must not write from here on: that would be lost with the old store.
    held = await holdLock(location, lock)
    const counts = yield* repairStore(location, places, ports)
    if (ports.isDry) {
      return { counts, keptAs: null }
    }
    ports.signal?.throwIfAborted()
    const keptAs = `${location}.before-repair-${new Date().toISOString().replaceAll(':', '-')}`
    await syncDirectory(places.made)
    await rename(location, keptAs)
    await renameOnDisk(places.made, location)
    return { counts, keptAs }
  } finally {
    await held?.close()
    for (const directory of [...Object.values(places), lock]) {
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** A copied store may lack it. */
async function makeLockFile(location: string): Promise<void> {
  await (await open(join(location, LOCK_FILE), 'a', 0o600)).close()
}

/**
 * Throws StoreMismatchError if a repair was cut off after it moved the old store away and before it moved the new one in:
 * an empty store made there would hide both.
 */
export async function expectNoReplacement(location: string): Promise<void> {
  if (await holdsDatabase(location)) {
    return
  }
  const names = await namesIn(dirname(location))
  const name = names.find((other) => other.startsWith(replacementOf(basename(location), '')))
  if (name !== undefined) {
    throw new StoreMismatchError(
      `${location} is missing, but an interrupted repair left ${join(dirname(location), name)}: ` +
        `rename it to ${location}, or delete it to begin with an empty store`,
    )
  }
}
