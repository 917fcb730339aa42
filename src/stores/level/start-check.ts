import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreDamagedError } from '../../core/errors.js'
import { holdsDatabase } from './database.js'
import { damagedFiles, type FileDamage, fingerprint } from './files/store-files.js'

/** Tables that take some 0.1 s to read; those of a larger store are verified while it is served. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024
const MAX_NAMED = 10
const ATTEMPTS = 5

export interface StartCheckOptions {
  /** Opens a damaged store all the same. */
  readonly acceptDamage?: boolean
  /** Is told of damage that is accepted, a line each. */
  readonly onDamage?: (problem: string) => void
}

/**
 * Verifies the files of a database before LevelDB opens it, which would drop what it cannot read without a word, and then
 * delete the file. Throws StoreDamagedError. Where damage is accepted, the damaged files are copied beside the store first.
 */
export async function expectWholeFiles(
  location: string,
  { acceptDamage = false, onDamage = () => {} }: StartCheckOptions,
): Promise<void> {
  const damages = (await holdsDatabase(location)) ? await damagesNow(location) : []
  if (damages.length === 0) {
    return
  }
  const lines = damages.map(({ file, problem }) => `${file}: ${problem}`)
  if (!acceptDamage) {
    throw new StoreDamagedError(refusal(location, lines))
  }
  const copies = `${location}.damaged-${new Date().toISOString().replaceAll(':', '-')}`
  await mkdir(copies, { mode: 0o700 })
  for (const file of new Set(damages.map((damage) => damage.file))) {
    // What is missing cannot be copied.
    await copyFile(join(location, file), join(copies, file)).catch(() => {})
  }
  for (const line of lines) {
    onDamage(`${line} (a copy is in ${copies})`)
  }
}

/** Reads again where another server wrote meanwhile: the lock cannot be taken without LevelDB reading the files. */
async function damagesNow(location: string): Promise<FileDamage[]> {
  for (let attempt = 1; ; attempt++) {
    const before = await fingerprint(location)
    const damages: FileDamage[] = []
    for await (const damage of damagedFiles(location, MAX_TABLE_BYTES)) {
      damages.push(damage)
    }
    if (before === (await fingerprint(location)) || attempt === ATTEMPTS) {
      return damages
    }
  }
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
      'serve what LevelDB can read',
  ].join('\n')
}
