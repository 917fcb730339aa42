import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { LOCK_FILE } from './database.js'
import { ManifestReader } from './files/manifest.js'

/** File systems' clocks tick coarsely: a directory that changed this recently may change again with the same time. */
const TICK_MS = 20
/** Tables are looked for at most so often. */
const LOOK_EVERY_MS = 100

/** A file that LevelDB replaces only by one with a larger number. */
interface Numbered {
  readonly number: number
  readonly path: string
  readonly stats: Stats
}

/**
 * Whether the files of an open database are still in place. If somebody deletes, moves or replaces them, acknowledged
 * writes are lost, and LevelDB, which has the files open, does not notice. A check costs one stat(2) while no file comes
 * or goes. Otherwise it looks for all files, but not more often than LOOK_EVERY_MS: a large store has thousands of tables, and
 * LevelDB makes dozens a second. Then five stat(2) see to what a commit rests on.
 */
export class Presence {
  private readonly directory: Stats
  private readonly lock: Stats
  private log: Numbered | undefined
  private manifest: Numbered | undefined
  /** Reads that manifest. LevelDB only appends to it while it is open, so it can grow long. */
  private reader = new ManifestReader()
  private seenMtimeMs = Number.NaN
  private lookedAtMs = Number.NEGATIVE_INFINITY
  private gone: string | null = null
  private isBlind = false

  /** The database must be open. `onBlind` receives the cause of a failed check, once until a check succeeds. */
  constructor(
    private readonly location: string,
    private readonly onBlind: (cause: unknown) => void = () => {},
    private readonly nowMs: () => number = Date.now,
  ) {
    this.directory = statSync(location)
    this.lock = statSync(join(location, LOCK_FILE))
  }

  /**
   * What is gone, for good; null if nothing is known to be. `always` checks the files even if the directory's time is
   * unchanged: some file systems keep it to two seconds only.
   */
  check(always = false): string | null {
    try {
      this.gone ??= this.checkDirectory(always)
      this.isBlind = false
    } catch (cause) {
      // A file that the system cannot find out about is not known to be gone.
      this.seenMtimeMs = Number.NaN
      if (!this.isBlind) {
        this.isBlind = true
        this.onBlind(cause)
      }
    }
    return this.gone
  }

  private checkDirectory(always: boolean): string | null {
    const now = statIfThere(this.location)
    if (now === undefined) {
      return `${this.location} is no longer there`
    }
    if (!isSame(now, this.directory)) {
      return `${this.location} is another directory now`
    }
    const sinceMs = this.nowMs() - this.lookedAtMs
    const isSoon = sinceMs >= 0 && sinceMs < LOOK_EVERY_MS
    if (!always && (now.mtimeMs === this.seenMtimeMs || (isSoon && this.commitsAsBefore()))) {
      return null
    }
    this.lookedAtMs = this.nowMs()
    const gone = this.checkFiles()
    this.seenMtimeMs = this.nowMs() - now.mtimeMs > TICK_MS ? now.mtimeMs : Number.NaN
    if (gone === null) {
      return null
    }
    // The directory may have gone just now, with all that is in it.
    const isThere = statIfThere(this.location) !== undefined
    return `${isThere ? join(this.location, gone) : this.location} is no longer there`
  }

  /** Whether lock, log and manifest are those of the last look: LevelDB goes on to another log every few megabytes. */
  private commitsAsBefore(): boolean {
    const { log, manifest } = this
    const isStill = (path: string, stats: Stats) => {
      const now = statIfThere(path)
      return now !== undefined && isSame(now, stats)
    }
    return (
      log !== undefined &&
      manifest !== undefined &&
      isStill(log.path, log.stats) &&
      isStill(manifest.path, manifest.stats) &&
      isStill(join(this.location, LOCK_FILE), this.lock) &&
      statIfThere(join(this.location, 'CURRENT')) !== undefined
    )
  }

  private checkFiles(): string | null {
    const lock = statIfThere(join(this.location, LOCK_FILE))
    if (lock === undefined || !isSame(lock, this.lock)) {
      return LOCK_FILE
    }
    const { names, gone } = this.findLog()
    if (gone !== null) {
      return gone
    }
    const tables = this.tables()
    if (tables === null) {
      return 'the manifest, or CURRENT, which names it,'
    }
    const there = new Set(names)
    const isThere = (number: number) =>
      there.has(fileName(number, 'ldb')) ||
      ['ldb', 'sst'].some(
        (end) => statIfThere(join(this.location, fileName(number, end))) !== undefined,
      )
    const missing = tables.filter((number) => !isThere(number))
    // LevelDB deletes a table after it struck it off the manifest, maybe just now: read that again.
    const live = missing.length === 0 ? [] : (this.tables() ?? [])
    const lost = missing.find((number) => live.includes(number))
    return lost === undefined ? null : fileName(lost, 'ldb')
  }

  /** Finds the newest log. Returns the names of all files, and that of a log that is missing or was replaced. */
  private findLog(): { names: string[]; gone: string | null } {
    for (let attempt = 1; ; attempt++) {
      const names = ifThere(() => readdirSync(this.location)) ?? []
      // LevelDB creates the next log before it deletes one, and never deletes the newest.
      const newest = Math.max(
        0,
        ...names.map((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 0)),
      )
      const log = numbered(newest, join(this.location, fileName(newest, 'log')))
      if (log !== undefined && !isOlder(log, this.log)) {
        this.log = log
        return { names, gone: null }
      }
      // LevelDB may have gone on to another log since the names were read.
      if (attempt === 2) {
        return { names, gone: fileName(this.log?.number ?? newest, 'log') }
      }
    }
  }

  /** Numbers of the live tables; null if CURRENT or the manifest is missing or was replaced. */
  private tables(): number[] | null {
    // LevelDB may just have switched to another manifest.
    for (let attempt = 0; attempt < 2; attempt++) {
      const name =
        ifThere(() => readFileSync(join(this.location, 'CURRENT'), 'latin1').trim()) ?? ''
      const [, number] = /^MANIFEST-(\d+)$/.exec(name) ?? []
      const path = join(this.location, name)
      const manifest = number === undefined ? undefined : numbered(Number(number), path)
      if (manifest === undefined) {
        continue
      }
      if (isOlder(manifest, this.manifest)) {
        return null
      }
      if (manifest.number !== this.manifest?.number) {
        this.reader = new ManifestReader()
      }
      const bytes = ifThere(() => readFrom(path, this.reader.start))
      if (bytes !== undefined) {
        this.manifest = manifest
        return this.tablesIn(bytes)
      }
    }
    return null
  }

  private tablesIn(manifest: Buffer): number[] {
    const { tables, problems } = this.reader.read(manifest)
    if (problems.length > 0) {
      this.reader = new ManifestReader()
      // It may name tables that were deleted long ago. FileVerifier reports the damage.
      return []
    }
    return [...tables.keys()]
  }
}

/** Whether `now` is neither the same file as `before` nor a successor that LevelDB made. */
function isOlder(now: Numbered, before: Numbered | undefined): boolean {
  return (
    before !== undefined &&
    (now.number < before.number ||
      (now.number === before.number && !isSame(now.stats, before.stats)))
  )
}

function numbered(number: number, path: string): Numbered | undefined {
  const stats = statIfThere(path)
  return stats && { number, path, stats }
}

/** undefined for ENOENT and ENOTDIR. Throws every other error. */
function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

/** The rest of a file. */
function readFrom(path: string, offset: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset))
  } finally {
    closeSync(file)
  }
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(`${(error as NodeJS.ErrnoException).code}`)) {
      return undefined
    }
    throw error
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function fileName(number: number, end: string): string {
  return `${`${number}`.padStart(6, '0')}.${end}`
}
