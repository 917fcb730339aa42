import { existsSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { LOCK_FILE } from './database.js'
import { readManifest } from './files/manifest.js'

/** A directory that changed so lately may change again without another time: clocks of file systems tick coarsely. */
const TICK_MS = 20

/**
 * Whether the files of an open database are still where they were: who deletes or moves them takes away from disk
 * what is acknowledged, and LevelDB, which has them open, does not notice. A look costs one stat(2) while no file comes or goes.
 */
export class Presence {
  private readonly directory: Stats
  private readonly lock: Stats
  private newestLog = 0
  private seenTimeMs = Number.NaN
  private gone: string | null = null

  /** Of a database that is open. */
  constructor(
    private readonly location: string,
    private readonly nowMs: () => number = Date.now,
  ) {
    this.directory = statSync(location)
    this.lock = statSync(join(location, LOCK_FILE))
  }

  /** What is gone, which stays so; null: nothing. */
  look(): string | null {
    this.gone ??= this.lookAtDirectory()
    return this.gone
  }

  private lookAtDirectory(): string | null {
    const now = statSync(this.location, { throwIfNoEntry: false })
    if (now === undefined) {
      return `${this.location} is no longer there`
    }
    if (!isSame(now, this.directory)) {
      return `${this.location} is another directory now`
    }
    if (now.mtimeMs === this.seenTimeMs) {
      return null
    }
    const gone = this.lookAtFiles()
    this.seenTimeMs = this.nowMs() - now.mtimeMs > TICK_MS ? now.mtimeMs : Number.NaN
    return gone === null ? null : `${join(this.location, gone)} is no longer there`
  }

  private lookAtFiles(): string | null {
    const names = readdirSync(this.location)
    const lock = statSync(join(this.location, LOCK_FILE), { throwIfNoEntry: false })
    if (lock === undefined || !isSame(lock, this.lock)) {
      return LOCK_FILE
    }
    // LevelDB makes the next log before it deletes one, and never deletes the newest.
    const newest = Math.max(0, ...names.map((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 0)))
    if (newest < this.newestLog || newest === 0) {
      return fileName(this.newestLog, 'log')
    }
    this.newestLog = newest
    const isThere = (number: number) =>
      names.includes(fileName(number, 'ldb')) ||
      ['ldb', 'sst'].some((end) => existsSync(join(this.location, fileName(number, end))))
    const missing = this.tables()?.filter((number) => !isThere(number))
    if (missing === undefined) {
      return 'the manifest, or CURRENT, which names it,'
    }
    // It deletes a table after the manifest has said that it is done with it, maybe just now.
    const live = missing.length === 0 ? [] : (this.tables() ?? [])
    const lost = missing.find((number) => live.includes(number))
    return lost === undefined ? null : fileName(lost, 'ldb')
  }

  /** Numbers of the tables that the database lives on; null where nothing says so. */
  private tables(): number[] | null {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const manifest = readFileSync(join(this.location, 'CURRENT'), 'latin1').trim()
        return [...readManifest(readFileSync(join(this.location, manifest))).tables.keys()]
      } catch {
        // LevelDB may just have begun another.
      }
    }
    return null
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function fileName(number: number, end: string): string {
  return `${`${number}`.padStart(6, '0')}.${end}`
}
