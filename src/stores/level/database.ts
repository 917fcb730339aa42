import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { StoreLockedError, StoreUnavailableError } from '../../core/errors.js'
import { makeDirectory } from '../../files/directory.js'
import { Gate } from './gate.js'
import type { KeyRange } from './keys.js'

/** What LevelDB writes when it opens again: at most the two logs that it kept in memory. */
const PROBE_BYTES = 8 * 1024 * 1024

/** In a directory of LevelDB: who has it open holds a lock of this file (fcntl(2)). */
export const LOCK_FILE = 'LOCK'

export type ByteLevel = Level<Buffer, Uint8Array>

type Engine = new (...args: ConstructorParameters<typeof Level<Buffer, Uint8Array>>) => ByteLevel

/** What the types of `level` leave out, since not every platform has it. */
interface Compacting {
  compactRange(start: Buffer, end: Buffer): Promise<void>
}

/** A key and its new value, which is not empty; null to delete it. */
export type Row = readonly [key: Buffer, value: Uint8Array | null]

/**
 * The value of a row whose key says it all; nobody reads it. Not empty, since classic-level 3.0.0 copies
 * what is written and does not free the copy of an empty value (`DisposeSliceBuffer` in its binding.cc):
 * 32 bytes were lost with each such row.
 */
export const KEY_ONLY = Uint8Array.of(0)

/** One LevelDB directory. What fails in it is a StoreUnavailableError. */
export class Database {
  private readonly gate = new Gate()
  private level!: ByteLevel

  constructor(
    readonly location: string,
    private readonly Engine: Engine = Level,
  ) {}

  /** Makes the directory where there is none, for its owner's eyes. Throws StoreLockedError. */
  async open(): Promise<void> {
    try {
      await makeDirectory(this.location)
      this.level = new this.Engine(this.location, {
        keyEncoding: 'buffer',
        valueEncoding: 'view',
        // Files that have lost the one that names them would be taken for rubbish, and deleted.
        createIfMissing: !(await holdsDatabase(this.location)),
      })
      await this.level.open()
    } catch (cause) {
      if (isHeldElsewhere((cause as Error).cause)) {
        throw new StoreLockedError(this.location, cause)
      }
      throw new StoreUnavailableError(`${this.location} does not open: ${reasonOf(cause)}`, cause)
    }
  }

  /** Runs `fn`, which only reads; waits while the database is being reopened. */
  read<T>(fn: (level: ByteLevel) => T | Promise<T>): Promise<T> {
    return this.gate.enter(async () => {
      try {
        return await fn(this.level)
      } catch (cause) {
        throw notRead(cause)
      }
    })
  }

  /** The value of a key, for who must not wait; not while the database is being reopened. */
  valueNow(key: Buffer): Uint8Array | undefined {
    try {
      return this.level.getSync(key)
    } catch (cause) {
      throw notRead(cause)
    }
  }

  /** Writes all of `rows` or none; with `sync` they are on disk when the promise resolves. */
  async commit(rows: Iterable<Row>, sync: boolean): Promise<void> {
    const batch = this.level.batch()
    for (const [key, value] of rows) {
      if (value === null) {
        batch.del(key)
      } else {
        batch.put(key, value)
      }
    }
    await batch.write({ sync })
  }

  /** Drops what was deleted in a range from the files that hold it. */
  compact({ gte, lt }: KeyRange): Promise<void> {
    return this.gate.enter(async () => {
      const level = this.level as unknown as Compacting
      // The first brings what is in memory into a file. LevelDB rewrites no file that nothing newer
      // overlaps, so the second gets two tombstones to merge that span the range.
      await level.compactRange(gte, lt)
      const last = Buffer.concat([gte, Buffer.alloc(8, 0xff)])
      await this.commit(
        [gte, last].map((key): Row => [key, null]),
        false,
      )
      await level.compactRange(gte, lt)
    })
  }

  /** Throws while there is no room for what `reopen` writes. */
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

  /** Closes and opens the database between reads, and calls `reload` before the next one. */
  reopen(reload: (level: ByteLevel) => void): Promise<void> {
    return this.gate.alone(async () => {
      await this.level.close()
      await this.level.open()
      reload(this.level)
    })
  }

  close(): Promise<void> {
    return this.gate.alone(() => this.level.close())
  }
}

/** Whether there are files of a database in the directory. */
export async function holdsDatabase(location: string): Promise<boolean> {
  const names = await readdir(location).catch(() => [])
  return names.some((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(ldb|sst|log))$/.test(name))
}

/** Does what LevelDB can for a database that does not open or cannot be read. It changes the files. */
export function repairDatabase(location: string): Promise<void> {
  return (Level as unknown as { repair(location: string): Promise<void> }).repair(location)
}

/** What LevelDB or the system says. */
export function reasonOf(error: unknown): string {
  const reason = (error as Error | undefined)?.cause ?? error
  return reason instanceof Error ? reason.message : `${reason}`
}

/** A file that the system does not let LevelDB read is named, without the directories above it. */
function notRead(cause: unknown): StoreUnavailableError {
  const [, file] = /^IO error: (?:.*\/)?([^/]+: .*)$/.exec((cause as Error).message) ?? []
  return new StoreUnavailableError(
    file === undefined ? 'a read failed' : `a read failed: ${file}`,
    cause,
  )
}

/** classic-level says LEVEL_LOCKED whatever the system said when it was asked for the lock. */
function isHeldElsewhere(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'LEVEL_LOCKED' &&
    /: (?:Resource temporarily unavailable|already held by process)$|^IO error: LockFile /.test(
      error.message,
    )
  )
}
