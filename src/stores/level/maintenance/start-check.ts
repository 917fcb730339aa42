import { copyFile, mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreDamagedError, StoreLockedError } from '../../../core/errors.js'
import type { StoreOptions } from '../../engine.js'
import { holdsDatabase } from '../database.js'
import { damagedFiles, type FileDamage, fingerprint } from '../files/store-files.js'

/** Tables that take some 0.1 s to read; those of a larger store are verified while it is served. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024
const MAX_NAMED = 10
const ATTEMPTS = 5

export interface StartCheckOptions extends Pick<StoreOptions, 'acceptDamage' | 'onDamage'> {
  /** The same for each attempt of a start. */
  readonly attempts?: StartAttempts
}

/** Of a directory that is not verified again while nothing changes there. */
const TRUST_MS = 10_000

/** What earlier attempts of the same start have seen, while another server had the store. */
export class StartAttempts {
  /** Tables that are whole. */
  verified = new Set<string>()
  /** Lines about damage. */
  told = new Set<string>()
  private directory = ''
  private files: string | null = null
  private wholeUntilMs = Number.NEGATIVE_INFINITY

  /**
   * Whether the files are those that were whole just now. Throws StoreLockedError where they have changed since: who
   * writes there has the lock, and reading all that it writes, at each attempt, would cost as much as it does.
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
      this.wholeUntilMs = Number.NEGATIVE_INFINITY
      throw new StoreLockedError(location)
    }
    return before !== null && performance.now() < this.wholeUntilMs
  }

  /** With these files. */
  foundWhole(files: string): void {
    this.files = files
    this.wholeUntilMs = performance.now() + TRUST_MS
  }
}

/**
 * Verifies the files of a database before LevelDB opens it, which would drop what it cannot read without a word, and then
 * delete the file. Throws StoreDamagedError. Where damage is accepted, the damaged files are copied beside the store first.
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

/** On disk; nothing where the file is what is missing. */
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
 * Reads again where another server wrote meanwhile, for the lock cannot be taken without LevelDB reading the files; once
 * where they are whole, since a busy server never holds still. Throws StoreLockedError where none is seen to hold still.
 */
async function damagesNow(location: string, attempts: StartAttempts): Promise<FileDamage[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = await fingerprint(location)
    const damages: FileDamage[] = []
    for await (const damage of damagedFiles(location, MAX_TABLE_BYTES, attempts.verified)) {
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
    `${location} is damaged, and what its damaged files held would be lost without a word:`,
    ...lines.slice(0, MAX_NAMED).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    'what was acknowledged may be lost there; in the last write of a log it may also be one that nobody was told of, ' +
      'which a power failure cut off',
    'copy the data directory, then let `sessiond repair` keep all that can be read; or start with --accept-damage to ' +
      'serve what LevelDB can read; a store that an earlier release wrote, without checksums, is repaired first in any case',
  ].join('\n')
}
