import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { StoreDamagedError, StoreLockedError, StoreUnavailableError } from '../../core/errors.js'
import { makeDirectory } from '../../files/directory.js'
import { Gate } from '../locks.js'
import { withChecksumForNow } from '../rows/checksum.js'
import { ByteLevel, type IsUnchecked, type RawLevel } from './byte-level.js'
import { isDamage, isHeldElsewhere, reasonOf, storeError } from './errors.js'
import { damagedFiles } from './files/store-files.js'
import { type Info, readInfoRow, uncheckedRows } from './layout/info.js'
import { INFO_KEY, type KeyRange } from './layout/keys.js'

/**
 * What LevelDB gathers in memory and in a log before it writes a table. Twice its default: it merges tables half as often.
 */
const WRITE_BUFFER_BYTES = 8 * 1024 * 1024
/** The most that LevelDB writes when it opens: the two logs that it kept in memory. */
const PROBE_BYTES = 2 * WRITE_BUFFER_BYTES

/** The file of a LevelDB directory on which the process that has it open holds a lock (fcntl(2)). */
export const LOCK_FILE = 'LOCK'

type Engine = new (...args: ConstructorParameters<typeof Level<Buffer, Uint8Array>>) => RawLevel

/** Missing in the types of `level`, since not every platform has it. */
interface Compacting {
  compactRange(start: Buffer, end: Buffer): Promise<void>
}

/** A key and its new value, which is not empty; null to delete it. */
export type Row = readonly [key: Buffer, value: Uint8Array | null]

/**
 * The value of a row that needs only a key. Not empty: classic-level 3.0.0 never frees its copy of an empty value
 * (`DisposeSliceBuffer` in its binding.cc) and leaks 32 bytes with each.
 */
export const KEY_ONLY = Uint8Array.of(0)

/**
 * One LevelDB directory. Writes every value with a checksum, and verifies it on each read. Failures are
 * StoreUnavailableErrors, damage is a StoreDamagedError.
 */
export class Database {
  private readonly gate = new Gate()
  private level!: RawLevel
  private rows!: ByteLevel
  private storedInfo: Info | undefined
  /** How often it was reopened: a write that had failed may show from then on, though what was read before did not show it. */
  reopenings = 0

  constructor(
    readonly location: string,
    private readonly Engine: Engine = Level,
  ) {}

  /** Makes the directory, readable by its owner alone, if there is none. Throws StoreLockedError. */
  async open(): Promise<void> {
    try {
      await makeDirectory(this.location)
      this.level = new this.Engine(this.location, {
        keyEncoding: 'buffer',
        valueEncoding: 'view',
        writeBufferSize: WRITE_BUFFER_BYTES,
        // Without CURRENT, LevelDB would take the other files for garbage and delete them.
        createIfMissing: !(await holdsDatabase(this.location)),
      })
      await this.level.open()
    } catch (cause) {
      if (isHeldElsewhere((cause as Error).cause)) {
        throw new StoreLockedError(this.location, cause)
      }
      const problem = `${this.location} does not open: ${reasonOf(cause)}`
      throw isDamage(cause)
        ? new StoreDamagedError(problem, cause)
        : new StoreUnavailableError(problem, cause)
    }
    try {
      this.storedInfo = readInfoRow(this.level.getSync(INFO_KEY), this.location)
      this.readWith(uncheckedRows(this.storedInfo))
    } catch (cause) {
      await this.level.close()
      throw isDamage(cause)
        ? new StoreDamagedError(
            `${this.location} cannot be read (${reasonOf(cause)}): \`sessiond repair\` keeps all that can`,
            cause,
          )
        : storeError('a read failed', cause)
    }
  }

  /** The facts about the store, as of its opening; undefined if it has none. */
  get info(): Info | undefined {
    return this.storedInfo
  }

  /** From now on every row must have a checksum. */
  hasAllChecksums(): void {
    this.readWith(undefined)
  }

  private readWith(isUnchecked: IsUnchecked | undefined): void {
    this.rows = new ByteLevel(this.level, isUnchecked)
  }

  /** Runs `fn`, which must only read. Waits while the database is being reopened. */
  async read<T>(fn: (level: ByteLevel) => T | Promise<T>): Promise<T> {
    try {
      return await this.gate.enter(() => fn(this.rows))
    } catch (cause) {
      throw storeError('a read failed', cause)
    }
  }

  /** The same for a `fn` that does not wait: at once and without a promise, unless the database is being reopened. */
  readNow<T>(fn: (level: ByteLevel) => T): T | Promise<T> {
    if (this.gate.isBarred) {
      return this.read(fn)
    }
    try {
      return fn(this.rows)
    } catch (cause) {
      throw storeError('a read failed', cause)
    }
  }

  /** The value of a key, without waiting. Must not be called while the database is being reopened. */
  valueNow(key: Buffer): Uint8Array | undefined {
    try {
      return this.rows.getSync(key)
    } catch (cause) {
      throw storeError('a read failed', cause)
    }
  }

  /**
   * Writes all of `rows` or none; with `sync` they are on disk when the promise resolves. Once it has failed, nothing may be
   * written until the database is reopened.
   */
  async commit(rows: Iterable<Row>, sync: boolean): Promise<void> {
    const batch = this.level.batch()
    for (const [key, value] of rows) {
      if (value === null) {
        batch.del(key)
      } else {
        // The batch copies both at once.
        batch.put(key, withChecksumForNow(key, value))
      }
    }
    await batch.write({ sync })
  }

  /**
   * Removes deleted rows of a range from the files. `write` writes rows in turn with all other writes, and none once one has
   * failed: LevelDB would append to a log that may end within a record, and what is behind that cannot be read any more.
   */
  compact({ gte, lt }: KeyRange, write: (rows: readonly Row[]) => Promise<void>): Promise<void> {
    return this.gate.enter(async () => {
      const level = this.level as unknown as Compacting
      // The first compaction flushes memory to a file. LevelDB does not rewrite a file that nothing newer overlaps,
      // so two tombstones that span the range give the second one something to merge.
      await level.compactRange(gte, lt)
      const last = Buffer.concat([gte, Buffer.alloc(8, 0xff)])
      await write([gte, last].map((key): Row => [key, null]))
      await level.compactRange(gte, lt)
    })
  }

  /** Throws while the disk has no room for what `reopen` writes. */
  async probe(): Promise<void> {
    const path = join(this.location, 'probe')
    try {
      const file = await open(path, 'w', 0o600)
      try {
        await file.writeFile(Buffer.alloc(PROBE_BYTES))
        await file.sync()
      } finally {
        await file.close()
      }
    } finally {
      await rm(path, { force: true })
    }
  }

  /**
   * Closes and opens the database between reads, and calls `reload` before the next read. Throws StoreDamagedError, and
   * leaves the database open, if a file that LevelDB would read is damaged: LevelDB silently drops what it cannot read.
   */
  reopen(reload: (level: ByteLevel) => void): Promise<void> {
    return this.gate.alone(async () => {
      for await (const { file, problem } of damagedFiles(this.location, { maxTableBytes: 0 })) {
        throw new StoreDamagedError(`${file}: ${problem}`)
      }
      await this.level.close()
      // If the files were taken away meanwhile, no empty store may replace them.
      await this.level.open({ createIfMissing: false })
      this.reopenings++
      reload(this.rows)
    })
  }

  close(): Promise<void> {
    return this.gate.alone(() => this.level.close())
  }
}

/**
 * Whether the directory contains a database. MANIFEST-000001 alone is none: LevelDB writes it first, and a start that was
 * cut off there stored nothing. Throws StoreUnavailableError.
 */
export async function holdsDatabase(location: string): Promise<boolean> {
  const names = await namesIn(location)
  return names.some((name) => /^(CURRENT|MANIFEST-(?!0*1$)\d+|\d+\.(ldb|sst|log))$/.test(name))
}

/** The files in a directory; none if it does not exist. Throws StoreUnavailableError if that cannot be determined. */
export function namesIn(location: string): Promise<string[]> {
  return readdir(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return []
    }
    throw new StoreUnavailableError(`${location} cannot be read: ${error.message}`, error)
  })
}
