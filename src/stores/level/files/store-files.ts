import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreUnavailableError } from '../../../core/errors.js'
import { FormatError } from './bytes.js'
import { type LogEntry, readBatch, readLog } from './log.js'
import { type Manifest, readManifest } from './manifest.js'
import { verifyTable } from './table.js'

/** What is wrong with a file of a database. */
export interface FileDamage {
  /** Its name in the directory. */
  readonly file: string
  readonly problem: string
}

export interface LiveTable {
  readonly file: string
  /** Bytes. */
  readonly size: number
}

/** The files of a database that its manifest says it lives on. */
export interface LiveFiles {
  /** In the order in which they were written. */
  readonly logs: readonly string[]
  readonly tables: readonly LiveTable[]
  /** The largest sequence number of a row in a table; null where it is not known. */
  readonly lastSequence: number | null
  /** Of CURRENT and the manifest: then every log and table that is there is listed. */
  readonly damages: readonly FileDamage[]
}

/** How many times to read files that change while they are read. */
const ATTEMPTS = 5

/**
 * The live files, by CURRENT and the manifest that it names. If a server changes the files meanwhile, it reads them again
 * until they stay the same.
 */
export async function liveFiles(location: string): Promise<LiveFiles> {
  for (let attempt = 1; ; attempt++) {
    const before = await fingerprint(location)
    const files = await readLiveFiles(location)
    const isStill = files.damages.length === 0 || before === (await fingerprint(location))
    if (isStill || attempt === ATTEMPTS) {
      return files
    }
  }
}

async function readLiveFiles(location: string): Promise<LiveFiles> {
  const names = await readdir(location)
  const damaged = (file: string, problem: string): LiveFiles => ({
    ...allFiles(names),
    damages: [{ file, problem }],
  })
  const current = await readStoreFile(location, 'CURRENT')
  if (current === null) {
    return damaged('CURRENT', 'is missing')
  }
  const [, manifestFile] = /^(MANIFEST-\d{6,})\n$/.exec(current.toString('latin1')) ?? []
  if (manifestFile === undefined) {
    return damaged('CURRENT', 'names no manifest')
  }
  if (!names.includes(manifestFile)) {
    return damaged('CURRENT', `names ${manifestFile}, which is missing`)
  }
  const manifest = readManifest((await readStoreFile(location, manifestFile)) ?? Buffer.alloc(0))
  if (manifest.problems.length > 0) {
    const damages = manifest.problems.map((problem) => ({ file: manifestFile, problem }))
    return { ...allFiles(names), damages }
  }
  return namedFiles(names, manifest)
}

interface VerifyOptions {
  /** Reads no table if they have more bytes together. Default: no limit. */
  readonly maxTableBytes?: number
  /** Tables to skip, for they never change. Undamaged ones are added. */
  readonly verified?: Set<string>
  /** Once it is aborted, no further file is read; its reason is thrown. */
  readonly signal?: AbortSignal | undefined
}

/** The damage in a database's live files: first those that a start reads, then the tables. */
export async function* damagedFiles(
  location: string,
  { maxTableBytes = Number.POSITIVE_INFINITY, verified = new Set(), signal }: VerifyOptions = {},
): AsyncGenerator<FileDamage, void> {
  const { logs, tables, damages } = await liveFiles(location)
  yield* damages
  for (const file of logs) {
    signal?.throwIfAborted()
    yield* await verifyLog(location, file)
  }
  if (tables.reduce((sum, { size }) => sum + size, 0) <= maxTableBytes) {
    for (const table of tables.filter(({ file }) => !verified.has(file))) {
      signal?.throwIfAborted()
      const found = await verifyTableFile(location, table)
      yield* found
      if (found.length === 0) {
        verified.add(table.file)
      }
    }
  }
}

/** The damage in a log. An incomplete last write is none. */
async function verifyLog(location: string, file: string): Promise<FileDamage[]> {
  const bytes = await readStoreFile(location, file)
  const damages: FileDamage[] = []
  for (const entry of bytes === null ? [] : readLog(bytes)) {
    const problem = problemOf(entry)
    if (problem !== null) {
      damages.push({ file, problem })
    }
  }
  return damages
}

function problemOf(entry: LogEntry): string | null {
  if ('problem' in entry) {
    return `${entry.problem}, at byte ${entry.offset}`
  }
  try {
    for (const _ of readBatch(entry.data)) {
      // Only whether it can be read matters.
    }
    return null
  } catch (error) {
    if (error instanceof FormatError) {
      return `a write cannot be read: ${error.message}`
    }
    throw error
  }
}

/** The damage in a table. */
export async function verifyTableFile(
  location: string,
  { file, size }: LiveTable,
): Promise<FileDamage[]> {
  const bytes = await readStoreFile(location, file)
  if (bytes === null) {
    // A running server may just have replaced it.
    const { tables } = await liveFiles(location)
    const isLive = tables.some((table) => table.file === file)
    return isLive ? [{ file, problem: 'is missing' }] : []
  }
  const problems =
    size === UNKNOWN_SIZE || bytes.length === size
      ? verifyTable(bytes)
      : [`has ${bytes.length} bytes, but was written with ${size}`]
  return problems.map((problem) => ({ file, problem }))
}

/** Identifies the current state of the files: it changes whenever a server writes to them. */
export async function fingerprint(location: string): Promise<string> {
  const names = await readdir(location)
  const facts = names.sort().map(async (name) => {
    if (!/^(CURRENT|MANIFEST-|\d+\.log)/.test(name)) {
      return name
    }
    const file = await stat(join(location, name)).catch(absent)
    return `${name} ${file?.ino} ${file?.size} ${file?.mtimeMs}`
  })
  return (await Promise.all(facts)).join('\n')
}

function namedFiles(names: readonly string[], manifest: Manifest): LiveFiles {
  const { logNumber, prevLogNumber, lastSequence, tables } = manifest
  const damages: FileDamage[] = []
  const missing = (file: string) => damages.push({ file, problem: 'is missing' })
  const logs = namesOf(names, /^(\d+)\.log$/).filter(
    ({ number }) => number >= logNumber || number === prevLogNumber,
  )
  // A start creates this log before it notes its number in the manifest.
  if (logNumber > 0 && !logs.some(({ number }) => number === logNumber)) {
    missing(`${`${logNumber}`.padStart(6, '0')}.log`)
  }
  const found = new Map(namesOf(names, TABLE_NAME).map(({ number, file }) => [number, file]))
  const live = [...tables].map(([number, size]) => {
    const file = found.get(number)
    if (file === undefined) {
      missing(`${`${number}`.padStart(6, '0')}.ldb`)
    }
    return { file: file ?? '', size }
  })
  return {
    logs: logs.map(({ file }) => file),
    tables: live.filter(({ file }) => file !== ''),
    lastSequence,
    damages,
  }
}

/** The size of a table that the manifest does not name. */
const UNKNOWN_SIZE = -1
const TABLE_NAME = /^(\d+)\.(?:ldb|sst)$/

/** Every file that may belong to the database. Some may be obsolete. */
function allFiles(names: readonly string[]): Omit<LiveFiles, 'damages'> {
  return {
    logs: namesOf(names, /^(\d+)\.log$/).map(({ file }) => file),
    tables: namesOf(names, TABLE_NAME).map(({ file }) => ({ file, size: UNKNOWN_SIZE })),
    lastSequence: null,
  }
}

function namesOf(
  names: readonly string[],
  pattern: RegExp,
): { readonly file: string; readonly number: number }[] {
  return names
    .flatMap((file) => {
      const [, number] = pattern.exec(file) ?? []
      return number === undefined ? [] : [{ file, number: Number(number) }]
    })
    .sort((a, b) => a.number - b.number)
}

/** The file's content; null if it does not exist. Throws StoreUnavailableError, which names the file. */
export async function readStoreFile(location: string, file: string): Promise<Buffer | null> {
  try {
    return await readFile(join(location, file)).catch(absent)
  } catch (error) {
    throw new StoreUnavailableError(`a read failed: ${file}: ${(error as Error).message}`, error)
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') {
    return null
  }
  throw error
}
