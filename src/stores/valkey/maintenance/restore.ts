import { createHash } from 'node:crypto'
import type { EpochSettings } from '../../../core/epoch.js'
import {
  InputFileError,
  StoreDamagedError,
  StoreMismatchError,
  StoreUnavailableError,
} from '../../../core/errors.js'
import { type BackupCounts, type BackupItem, encodeItem } from '../../backup-format.js'
import { ContentDigest } from '../../rows/content-digest.js'
import type { Cluster } from '../connection/cluster.js'
import { EngineError } from '../connection/reply.js'
import { Functions, type ReadParts } from '../functions/functions.js'
import { infoValue, newInfo, readInfo } from '../layout/info.js'
import { Shards } from '../layout/shards.js'
import { storedItems } from './backup.js'
import { Filler } from './fill.js'
import { Filling } from './filling.js'

type Items = AsyncGenerator<BackupItem, BackupCounts>

/**
 * `StoreEngine.restore`. Servers see a store only once all is written, read back and found to be the same. `source`: whatever
 * ends this before, the next run from there goes on where it ended. Without it, everything is deleted again.
 */
export async function restoreInPlace(
  cluster: Cluster,
  items: Items,
  { name, location, source = null }: { name: string; location: string; source?: string | null },
): Promise<BackupCounts> {
  const functions = new Functions(cluster)
  const shards = new Shards(cluster.shards)
  const epochs = await epochsOf(items, name)
  const filling = await Filling.begin(functions, shards, source, location)
  try {
    const run = new Run(items, filling, { functions, shards }, epochs, location)
    const counts = await run.fill(name)
    await run.verify()
    await filling.finish(epochs)
    return counts
  } catch (error) {
    const isGone = source === null && (await isAbandoned(filling))
    throw error instanceof StoreUnavailableError ? interrupted(error, location, isGone) : error
  } finally {
    await filling.release()
  }
}

async function isAbandoned(filling: Filling): Promise<boolean> {
  try {
    await filling.abandon()
    return true
  } catch {
    // The next run deletes it.
    return false
  }
}

/** A file that is no backup must leave nothing behind. */
async function epochsOf(items: Items, name: string): Promise<EpochSettings> {
  const { value: header } = await items.next()
  if (!('kind' in header) || header.kind !== 'header') {
    throw new InputFileError(name, 'does not begin with a header')
  }
  const { epochs } = header
  try {
    readInfo(infoValue(newInfo(epochs, 1)), name)
  } catch (error) {
    throw new InputFileError(name, 'has epochs that no server has', error)
  }
  return epochs
}

class Run {
  private readonly content = new ContentDigest()
  /** Of the items so far. */
  private readonly hash = createHash('sha256')
  private count = 0

  constructor(
    private readonly items: Items,
    private readonly filling: Filling,
    private readonly store: ReadParts,
    private readonly epochs: EpochSettings,
    private readonly location: string,
  ) {}

  /** Writes the items that no earlier run has written. `name` is their file's. Throws InputFileError. */
  async fill(name: string): Promise<BackupCounts> {
    try {
      return await this.fillOn()
    } catch (error) {
      // RangeError: a number or a string is too large for a key.
      throw error instanceof StoreDamagedError || error instanceof RangeError
        ? new InputFileError(name, `holds what no server backs up: ${error.message}`, error)
        : error
    }
  }

  private async fillOn(): Promise<BackupCounts> {
    const earlier = this.filling.progress
    const filler = new Filler(this.store, this.epochs, () => this.filling.expectOwn())
    for (;;) {
      const { value, done } = await this.items.next()
      if (done) {
        await this.expectSame(this.count >= earlier.items)
        await filler.flush()
        return value
      }
      if (value.kind === 'header') {
        continue
      }
      this.content.add(value)
      this.hash.update(encodeItem(value))
      this.count++
      if (this.count <= earlier.items) {
        await this.expectSame(this.count < earlier.items || this.sha256 === earlier.sha256)
        continue
      }
      filler.add(value)
      if (filler.isFull) {
        await filler.flush()
        await this.filling.reached({ items: this.count, sha256: this.sha256 })
      }
    }
  }

  /** Reads everything back. Throws StoreDamagedError. */
  async verify(): Promise<void> {
    const found = new ContentDigest()
    for await (const item of storedItems(this.store, 0)) {
      found.add(item)
    }
    const difference = this.content.difference(found)
    if (difference !== null) {
      throw new StoreDamagedError(`${this.location} does not hold what was written: ${difference}`)
    }
  }

  private get sha256(): string {
    return this.hash.copy().digest('hex')
  }

  private async expectSame(isSame: boolean): Promise<void> {
    if (!isSame) {
      await this.filling.abandon()
      throw new StoreMismatchError(
        `the source has changed since an earlier run copied part of it to ${this.location}: that part is deleted now. Run it again`,
      )
    }
  }
}

/** The error as an operator should hear of it. */
function interrupted(error: StoreUnavailableError, location: string, isGone: boolean): Error {
  const { cause } = error
  const isFull = cause instanceof EngineError && cause.code === 'OOM'
  const next = isGone ? 'what was written is deleted again' : 'run it again'
  return new StoreUnavailableError(
    `${isFull ? `${location} is full (maxmemory)` : `${location}: ${error.message}`}; ${next}`,
    error,
  )
}
