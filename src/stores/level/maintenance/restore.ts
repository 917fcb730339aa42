import { readdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InputFileError, StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import { syncDirectory } from '../../../files/directory.js'
import { randomSuffix } from '../../../files/write.js'
import type { BackupCounts, BackupItem } from '../../backup-format.js'
import { ContentDigest } from '../../rows/content-digest.js'
import { decodeEnding } from '../../rows/ending.js'
import { attempt, quoted, readRecord } from '../../rows/record.js'
import { Database } from '../database.js'
import { encodeInfo, newInfo, storedInfo } from '../layout/info.js'
import { deadlineKey, entryKey, sessionKey } from '../layout/keys.js'
import { storedDeadline, storedEntry } from '../layout/stored.js'
import { View } from '../read/view.js'
import { storedItems } from './backup.js'
import { Builder } from './builder.js'

/**
 * `StoreEngine.restore`: makes the store under another name, and renames it once it is complete and on disk. With
 * `isVerified` it is read back before.
 */
export async function restoreInPlace(
  items: AsyncGenerator<BackupItem, BackupCounts>,
  location: string,
  name: string,
  isVerified = false,
): Promise<BackupCounts> {
  await expectNothing(location)
  const parent = dirname(location)
  const temporary = `${location}.restoring-${randomSuffix()}`
  try {
    const counts = isVerified
      ? await restoreVerified(items, temporary, name)
      : await restoreItems(items, temporary, name)
    await syncDirectory(temporary)
    await rename(temporary, location).catch(async (error: Error) => {
      // Another restore or a starting server may have made a store there meanwhile.
      await expectNothing(location)
      throw new StoreMismatchError(`${location} cannot be made: ${error.message}`)
    })
    await syncDirectory(parent)
    return counts
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function restoreVerified(
  items: AsyncGenerator<BackupItem, BackupCounts>,
  location: string,
  name: string,
): Promise<BackupCounts> {
  const given = new ContentDigest()
  const made = new ContentDigest()
  const counts = await restoreItems(given.pass(items), location, name)
  const database = new Database(location)
  await database.open()
  try {
    const view = await View.open((fn) => database.read(fn))
    try {
      for await (const item of storedItems(view)) {
        made.add(item)
      }
    } finally {
      await view.close()
    }
  } finally {
    await database.close()
  }
  const difference = given.difference(made)
  if (difference !== null) {
    throw new StoreDamagedError(`${location} does not hold what was written: ${difference}`)
  }
  return counts
}

async function expectNothing(location: string): Promise<void> {
  const names = await readdir(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return []
    }
    throw new StoreMismatchError(`${location} is no directory: ${error.message}`)
  })
  if (names.length > 0) {
    throw new StoreMismatchError(
      `${location} already exists: move it away first, or give another --data-dir`,
    )
  }
}

/**
 * Makes a store in a new directory from the items of a backup. `name` is the file's. Throws InputFileError, also if no
 * store can have the items, and StoreUnavailableError.
 */
export async function restoreItems(
  items: AsyncGenerator<BackupItem, BackupCounts>,
  location: string,
  name: string,
): Promise<BackupCounts> {
  let builder: Builder | undefined
  try {
    // A file that is no backup must not leave a directory behind.
    const { value: header } = await items.next()
    if (!('kind' in header) || header.kind !== 'header') {
      throw new InputFileError(name, 'does not begin with a header')
    }
    const { epochs } = header
    storedInfo(encodeInfo(newInfo(epochs)), name)
    builder = await Builder.begin(location, epochs)
    const add = adder(builder, (header.parts ?? 1) > 1)
    for (;;) {
      const { value, done } = await items.next()
      if (done) {
        await builder.finish()
        return value
      }
      await add(value)
    }
  } catch (error) {
    await builder?.close()
    // RangeError: a number or a string is too large for a key.
    throw error instanceof StoreDamagedError || error instanceof RangeError
      ? new InputFileError(name, `holds what no server backs up: ${error.message}`, error)
      : error
  }
}

/** `isInParts`: sessions are in no order, so whether one comes twice must be looked up. */
function adder(builder: Builder, isInParts: boolean): (item: BackupItem) => Promise<void> {
  let lastKey: Buffer = Buffer.alloc(0)
  return async (item) => {
    switch (item.kind) {
      case 'session': {
        const session = readRecord(item.record, 'a session')
        const key = sessionKey(session.id)
        if (isInParts ? builder.hasSession(session.id) : key.compare(lastKey) <= 0) {
          throw new StoreDamagedError(`session ${quoted(session.id)}: its record is out of order`)
        }
        lastKey = key
        return builder.addSession(session)
      }
      case 'seal':
        return builder.addSeal(item.id, item.sealed)
      case 'entry':
        return builder.addEntry(item.scope, storedEntry(entryKey(item.scope), item.entry).entry)
      case 'deadline':
        return builder.addDeadline(storedDeadline(deadlineKey(item.deadline)), item.sharedBy)
      case 'ending':
        return builder.addEnding(attempt('an ending', () => decodeEnding(item.ending)))
    }
  }
}
