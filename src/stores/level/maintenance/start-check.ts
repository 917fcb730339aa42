import { copyFile, mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreDamagedError, StoreLockedError } from '../../../core/errors.js'
import type { StoreOptions } from '../../engine.js'
import { holdsDatabase } from '../database.js'
import { damagedFiles, type FileDamage, fingerprint } from '../files/store-files.js'

/** Some 0.1 s of reading. The tables of a larger store are verified while it is served. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024
const MAX_NAMED = 10
const ATTEMPTS = 5

export interface StartCheckOptions extends Pick<StoreOptions, 'acceptDamage' | 'onDamage'> {
  /** One object for all attempts of a start. */
  readonly attempts?: StartAttempts
}

/** How long an unchanged directory is not verified again. */
const TRUST_MS = 10_000

/** What earlier attempts of the same start have found, while another server had the store. */
export class StartAttempts {
  /** Undamaged tables. */
  verified = new Set<string>()
  /** Reported lines about damage. */
  told = new Set<string>()
  private directory = ''
  private files: string | null = null
  private trustEndsAtMs = Number.NEGATIVE_INFINITY

  /**
   * Whether these files were verified just now. Throws StoreLockedError if they changed since the last attempt: another
   * server is writing, so it has the lock, and reading everything again at each attempt would cost a core.
   */
  async areWhole(location: string): Promise<boolean> {
    const { dev, ino } = await stat(location)
    if (this.directory !== `${dev} ${ino}`) {
      this.directory = `${dev} ${ino}`
      this.files = null
      this.verified = new Set()
      this.told = new Set()
    }
    const before = this.files
    this.files = await fingerprint(location)
    if (before !== null && before !== this.files) {
      this.trustEndsAtMs = Number.NEGATIVE_INFINITY
      throw new StoreLockedError(location)
    }
    return before !== null && performance.now() < this.trustEndsAtMs
  }

  /** These files are undamaged. */
  foundWhole(files: string): void {
    this.files = files
    this.trustEndsAtMs = performance.now() + TRUST_MS
  }
}

/**
 * Verifies the files of a database before LevelDB opens it: LevelDB silently drops what it cannot read and then deletes
 * the file. Throws StoreDamagedError, or with `acceptDamage` copies the damaged files beside the store.
 */
export async function expectWholeFiles(
  location: string,
  { acceptDamage = false, onDamage = () => {}, attempts = new StartAttempts() }: StartCheckOptions,
): Promise<void> {
  if (!(await holdsDatabase(location)) || (await attempts.areWhole(location))) {
    return
  }
  const damages = await damagesNow(location, attempts)
  if (damages.length > 0 && !acceptDamage) {
    throw new StoreDamagedError(refusal(location, damages.map(lineOf)))
  }
  const untold = damages.filter((damage) => !attempts.told.has(lineOf(damage)))
  if (untold.length === 0) {
    return
  }
  const copies = `${location}.damaged-${new Date().toISOString().replaceAll(':', '-')}`
  await mkdir(copies, { mode: 0o700 })
  for (const file of new Set(untold.map((damage) => damage.file))) {
    await keepCopy(join(location, file), join(copies, file))
  }
  for (const line of untold.map(lineOf)) {
    attempts.told.add(line)
    onDamage(`${line} (a copy is in ${copies})`)
  }
}

function lineOf({ file, problem }: FileDamage): string {
  return `${file}: ${problem}`
}

/** Copies a file durably. Does nothing if the file itself is what is missing. */
async function keepCopy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return
    }
    throw error
  }
  const copy = await open(to, 'r+')
  try {
    await copy.sync()
  } finally {
    await copy.close()
  }
}

/**
 * The damage in files that did not change while they were read: taking the lock first would make LevelDB read them. If
 * the files are undamaged, two readings suffice, since a busy server's files never stop changing. Throws StoreLockedError if
 * they keep changing.
 */
async function damagesNow(location: string, attempts: StartAttempts): Promise<FileDamage[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = await fingerprint(location)
    const damages: FileDamage[] = []
    for await (const damage of damagedFiles(location, {
      maxTableBytes: MAX_TABLE_BYTES,
      verified: attempts.verified,
    })) {
      damages.push(damage)
    }
    const isStill = before === (await fingerprint(location))
    if (isStill && damages.length === 0) {
      attempts.foundWhole(before)
    }
    if (isStill || (damages.length === 0 && attempt > 1)) {
      return damages
    }
  }
  throw new StoreLockedError(location)
}

function refusal(location: string, lines: readonly string[]): string {
  const more = lines.length - MAX_NAMED
  return [
    `${location} is damaged. Opening it would silently lose data in these files:`,
    ...lines.slice(0, MAX_NAMED).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    'Acknowledged writes may be lost there. Damage to the last write of a log may also be a write that a power failure ' +
      'cut off and that was never acknowledged.',
    'Copy the data directory, then run `sessiond repair`, which keeps everything that can be read. Or start with ' +
      '--accept-damage to serve what LevelDB can read; a store that an earlier release wrote, without checksums, must ' +
      'be repaired first.',
  ].join('\n')
}
