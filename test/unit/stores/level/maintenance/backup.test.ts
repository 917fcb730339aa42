import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../../../../src/config/config.js'
import {
  InputFileError,
  StoreDamagedError,
  StoreMismatchError,
} from '../../../../../src/core/errors.js'
import type { InputProgress } from '../../../../../src/files/read.js'
import { saveBackup } from '../../../../../src/offline/backup.js'
import { restoreBackup } from '../../../../../src/offline/restore.js'
import {
  type BackupItem,
  BackupSum,
  encodeItem,
  MAGIC,
} from '../../../../../src/stores/backup-format.js'
import { readBackup } from '../../../../../src/stores/backup-reader.js'
import { sessionKey } from '../../../../../src/stores/level/layout/keys.js'
import { backUp } from '../../../../../src/stores/level/maintenance/backup.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { encodeSession } from '../../../../../src/stores/rows/codec.js'
import { problemsIn, rowsIn, SEALING_KEYS, withLevel } from '../../../../support/care.js'
import { collect, filledStore, openStore, recordWithUser } from '../../../../support/damage.js'
import { auditLevel } from '../../../../support/level-audit.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, insert } from '../../../../support/store-sessions.js'

async function openFilled(): Promise<{ store: LevelStore; location: string }> {
  const location = await filledStore()
  return { store: await openStore(location), location }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

async function* inChunks(bytes: Buffer, size = bytes.length) {
  for (let i = 0; i < bytes.length; i += size) {
    yield bytes.subarray(i, i + size)
  }
}

async function itemsOf(bytes: Buffer, chunkBytes?: number): Promise<BackupItem[]> {
  const items: BackupItem[] = []
  for await (const item of readBackup(inChunks(bytes, chunkBytes), 'FILE')) {
    items.push(item)
  }
  return items
}

const HEADER = { kind: 'header', timeMs: 1, epochs: EPOCHS } as const
const sessionItem = (id: string) =>
  ({ kind: 'session', record: encodeSession(commandSession(id)) }) as const

/** A file of these items with an end that agrees. */
function fileOf(...items: BackupItem[]): Buffer {
  return fileFrom(MAGIC, items)
}

function fileFrom(magic: Buffer, items: readonly BackupItem[]): Buffer {
  const sum = new BackupSum(magic)
  const encoded = items.map((item) => {
    const bytes = encodeItem(item)
    sum.add(item.kind, bytes)
    return bytes
  })
  return Buffer.concat([magic, ...encoded, sum.end()])
}

describe('a backup', () => {
  it('is the state at its start, whatever is written meanwhile', async () => {
    const { store, location } = await openFilled()
    const before = await rowsIn(await copyByBackup(store))
    const chunks = store.backup(1)
    const view = await store.view()
    // The view stands from the first chunk on.
    const later = backUp(async () => view, EPOCHS, 1)
    await insert(store, commandSession('later'))
    await store.remove('alice', () => true)
    const made = await restored(await bytesOf(later))
    expect(await rowsIn(made)).toEqual(before)
    expect(await rowsIn(await restored(await bytesOf(chunks)))).not.toEqual(before)
    expect(location).not.toBe(made)
  })

  it('goes on while writes come between its chunks', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false })
    onTestFinished(() => store.close())
    const data = JSON.stringify('x'.repeat(30_000))
    const ids = Array.from({ length: 50 }, (_, i) => `session ${i + 100}`)
    await Promise.all(ids.map((id) => insert(store, commandSession(id, { data }))))
    const parts: Uint8Array[] = []
    let writes = 0
    for await (const chunk of store.backup(1)) {
      parts.push(chunk)
      await insert(store, commandSession(`session ${writes}`, { data }))
      await store.remove(ids[writes++] ?? '', () => true)
      expect(chunk.length).toBeLessThanOrEqual(64 * 1024)
    }
    expect(writes).toBeGreaterThan(10)
    const items = await itemsOf(Buffer.concat(parts))
    expect(items.filter(({ kind }) => kind === 'session')).toHaveLength(50)
  })

  it('has no sealing key in it', async () => {
    const { store } = await openFilled()
    const bytes = await bytesOf(store.backup(1))
    for (const key of SEALING_KEYS.keys.values()) {
      expect(bytes.includes(Buffer.from(key))).toBe(false)
    }
  })

  it('is refused where a row cannot be read, rather than left without it', async () => {
    const { store, location } = await openFilled()
    await store.close()
    await withLevel(location, (level) => level.put(sessionKey('alice'), Buffer.from('ffff', 'hex')))
    const again = await LevelStore.open(location, { epochs: EPOCHS })
    onTestFinished(() => again.close())
    const attempt = bytesOf(again.backup(1))
    await expect(attempt).rejects.toThrow(StoreDamagedError)
    await expect(attempt).rejects.toThrow(/"alice".*sessiond repair/)
  })

  it('neither holds up the closing of the store, nor ends as if it were whole', async () => {
    const { store } = await openFilled()
    const chunks = store.backup(1)
    const view = await store.view()
    const rows = view.rows({ gte: Buffer.from('a'), lt: Buffer.from('z') })
    await rows.next()
    await store.close()
    await expect(rows.next()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(bytesOf(chunks)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  it('does not hold up the recovery of the store', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const observed = new Observed(location)
    let onRecovery = () => {}
    const recovered = new Promise<void>((resolve) => {
      onRecovery = resolve
    })
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS, onRecovery })
    onTestFinished(() => store.close())
    await insert(store, commandSession('a'))
    const view = await store.view()
    const rows = view.rows({ gte: Buffer.from('a'), lt: Buffer.from('z') })
    await rows.next()
    observed.onWrite = () => Promise.reject(new Error('disk full'))
    await expect(insert(store, commandSession('b'))).rejects.toThrow()
    expect(store.isWritable).toBe(false)
    observed.onWrite = (write) => write()
    await recovered
    expect(store.isWritable).toBe(true)
    await expect(rows.next()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await view.close()
  })

  it('has nothing of what was kept in a session that has ended', async () => {
    const location = await filledStore()
    await withLevel(location, (level) =>
      level.put(sessionKey('bob-ended'), recordWithUser('bob-ended', 'Kept too long')),
    )
    const store = await openStore(location)
    const chunks = await collect(store.backup(0))
    const text = Buffer.concat(chunks).toString('latin1')
    expect(text).toContain('bob-ended')
    expect(text).not.toContain('Kept too long')
  })
})

async function restored(bytes: Buffer): Promise<string> {
  const directory = await temporaryDirectory(onTestFinished)
  await writeFile(join(directory, 'FILE'), bytes)
  await restore(directory)
  return join(directory, 'store')
}

const restore = (
  directory: string,
  onProgress = (_progress: InputProgress) => {},
  stop?: AbortSignal,
) =>
  restoreBackup(
    join(directory, 'FILE'),
    readConfig({ flags: { 'data-dir': directory }, env: {} }),
    onProgress,
    stop,
  )

async function copyByBackup(store: LevelStore): Promise<string> {
  return restored(await bytesOf(store.backup(1)))
}

describe('restoring', () => {
  it('makes the store that was backed up, and tells which keys are wanting', async () => {
    const { store, location } = await openFilled()
    const directory = await temporaryDirectory(onTestFinished)
    await writeFile(join(directory, 'FILE'), await bytesOf(store.backup(1)))
    const { counts, missingKeys } = await restore(directory)
    expect(counts).toEqual({
      ...{ header: 1, session: 7, seal: 2, entry: 5, deadline: 16, ending: 1 },
    })
    expect(missingKeys).toEqual([SEALING_KEYS.current])
    await store.close()
    const made = join(directory, 'store')
    expect(await rowsIn(made)).toEqual(await rowsIn(location))
    expect(await problemsIn(made)).toEqual([])
    expect((await stat(made)).mode & 0o777).toBe(0o700)
  })

  it('lists all that one user opened at one place, however many', async () => {
    const ids = Array.from({ length: 900 }, (_, i) => `session ${1000 + i}`)
    const made = await restored(fileOf(HEADER, ...ids.map(sessionItem)))
    expect(await auditLevel(made)).toEqual([])
  })

  it('refuses to touch a store that is there', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    await writeFile(join(directory, 'FILE'), fileOf(HEADER))
    await restore(directory)
    await expect(restore(directory)).rejects.toThrow(StoreMismatchError)
  })

  it('refuses a file with any byte altered, and leaves nothing behind', async () => {
    const { store } = await openFilled()
    const whole = await bytesOf(store.backup(1))
    const directory = await temporaryDirectory(onTestFinished)
    const at = Array.from(whole.keys()).filter((i) => process.env.SESSIOND_TEST_LONG || i % 7 === 0)
    for (const i of [...at, ...Array.from({ length: 50 }, (_, j) => whole.length - 1 - j)]) {
      const altered = Buffer.from(whole)
      altered[i] = (altered[i] ?? 0) ^ (1 << (i % 8))
      await expect(itemsOf(altered), `byte ${i}`).rejects.toThrow(InputFileError)
    }
    for (let i = 8; i < whole.length; i += Math.ceil(whole.length / 30)) {
      const altered = Buffer.from(whole)
      altered[i] = (altered[i] ?? 0) ^ 0x10
      await writeFile(join(directory, 'FILE'), altered)
      await expect(restore(directory), `byte ${i}`).rejects.toThrow(InputFileError)
      expect(await readdir(directory)).toEqual(['FILE'])
    }
  })

  it('refuses a store that was made meanwhile, and what cannot be replaced', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    await writeFile(join(directory, 'FILE'), fileOf(HEADER, sessionItem('a')))
    const all = await Promise.allSettled([restore(directory), restore(directory)])
    expect(all).toContainEqual({ status: 'rejected', reason: expect.any(StoreMismatchError) })
    expect((await readdir(directory)).sort()).toEqual(['FILE', 'store'])
    await rename(join(directory, 'store'), join(directory, 'elsewhere'))
    await mkdir(join(directory, 'empty'))
    await symlink('empty', join(directory, 'store'))
    await expect(restore(directory)).rejects.toThrow(/cannot be made: ENOTDIR/)
  })

  it('leaves nothing behind where it is stopped', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    await writeFile(join(directory, 'FILE'), fileOf(HEADER, sessionItem('a')))
    const stop = new AbortController()
    const onceRead = ({ part }: InputProgress) => part === 1 && stop.abort(new Error('stopped'))
    await expect(restore(directory, onceRead, stop.signal)).rejects.toThrow('stopped')
    expect(await readdir(directory)).toEqual(['FILE'])
  })

  it('refuses a file that is cut short anywhere, or longer than it says', async () => {
    const whole = fileOf(HEADER, sessionItem('a'), sessionItem('b'))
    expect(await itemsOf(whole)).toHaveLength(3)
    for (let length = 0; length < whole.length; length++) {
      await expect(itemsOf(whole.subarray(0, length))).rejects.toThrow(InputFileError)
    }
    await expect(itemsOf(Buffer.concat([whole, Buffer.of(0)]))).rejects.toThrow(InputFileError)
  })

  it('lets go of a source that is no backup', async () => {
    let isReleased = false
    const source = (async function* () {
      try {
        for (;;) {
          yield Buffer.from('no backup, and without end')
        }
      } finally {
        isReleased = true
      }
    })()
    await expect(readBackup(source, 'FILE').next()).rejects.toThrow(InputFileError)
    expect(isReleased).toBe(true)
  })

  it.each([1, 2, 3, 1000])('reads a file in pieces of %i bytes', async (size) => {
    const items = [HEADER, sessionItem('a'), sessionItem('b')]
    expect(await itemsOf(fileOf(...items), size)).toHaveLength(items.length)
  })

  it.each([1, 2])('reads a file of version %i', async (version) => {
    const items = [HEADER, sessionItem('a')]
    const file = fileFrom(Buffer.from(`sessiond-backup ${version}\n`), items)
    expect(await itemsOf(file, 1000)).toHaveLength(items.length)
    // The digest covers the version.
    const [other] = [1, 2].filter((one) => one !== version)
    file.write(`${other}`, 'sessiond-backup '.length)
    await expect(itemsOf(file, 1000)).rejects.toThrow(/was altered/)
  })

  it.each<[string, Buffer, RegExp]>([
    ['a later version', fileFrom(Buffer.from('sessiond-backup 3\n'), [HEADER]), /is no backup/],
    ['no backup', Buffer.from('PK\x03\x04 and so on, for long'), /is no backup/],
    ['an item without end', Buffer.concat([MAGIC, Buffer.alloc(20, 0xff)]), /larger than/],
    ['an item too large', Buffer.concat([MAGIC, Buffer.of(0xff, 0xff, 0xff, 0x7f)]), /larger than/],
    ['no header', fileOf(sessionItem('a')), /item 1 stands where none/],
    ['two headers', fileOf(HEADER, HEADER), /item 2 stands where none/],
    ['nothing at all', fileOf(), /was altered/],
    ['an item of no kind', Buffer.concat([MAGIC, Buffer.of(0)]), /item 1: cannot be read/],
    [
      'a session after a seal',
      fileOf(HEADER, { kind: 'seal', id: 'a', sealed: Buffer.of(1) }, sessionItem('a')),
      /item 3 stands where none/,
    ],
    ['a session twice', fileOf(HEADER, sessionItem('a'), sessionItem('a')), /out of order/],
    ['sessions out of order', fileOf(HEADER, sessionItem('b'), sessionItem('a')), /out of order/],
    [
      'a record that is none',
      fileOf(HEADER, { kind: 'session', record: Buffer.from('ffff', 'hex') }),
      /cannot be read/,
    ],
    [
      'a time beyond all time',
      fileOf(HEADER, {
        kind: 'deadline',
        deadline: { kind: 'session', timeMs: 2 ** 63, id: 'a' },
      }),
      /holds what no server backs up/,
    ],
    ...(
      [
        ['no length', { genesisAtMs: 0, lengthMs: 0 }],
        ['a beginning that is no date', { genesisAtMs: 9e15, lengthMs: 1000 }],
        ['a beginning beyond all numbers', { genesisAtMs: 2 ** 60, lengthMs: 1000 }],
      ] as const
    ).map(([what, epochs]): [string, Buffer, RegExp] => [
      `epochs with ${what}`,
      fileOf({ ...HEADER, epochs }),
      /holds what no server backs up: .*layout and epochs/,
    ]),
  ])('refuses a file with %s', async (_, bytes, message) => {
    const directory = await temporaryDirectory(onTestFinished)
    await writeFile(join(directory, 'FILE'), bytes)
    const attempt = restore(directory)
    await expect(attempt).rejects.toThrow(InputFileError)
    await expect(attempt).rejects.toThrow(message)
    expect(await readdir(directory)).toEqual(['FILE'])
  })
})

describe('saving a backup', () => {
  const whole = fileOf(HEADER, sessionItem('a'))

  it('writes what came, for its owner alone', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const file = join(directory, 'FILE')
    const seen: number[] = []
    const saved = await saveBackup(inChunks(whole, 50), file, (bytes) => seen.push(bytes))
    expect(saved).toMatchObject({ session: 1, bytes: whole.length })
    expect(seen.at(-1)).toBe(whole.length)
    expect(sha256(await readFile(file))).toBe(sha256(whole))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['FILE'])
  })

  it('never replaces a file, and asks for nothing first', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const file = join(directory, 'FILE')
    await writeFile(file, 'mine')
    // biome-ignore lint/correctness/useYield: it must not be asked.
    const unasked = (async function* () {
      throw new Error('asked')
    })()
    await expect(saveBackup(unasked, file, () => {})).rejects.toThrow(/already exists/)
    expect(await readFile(file, 'utf8')).toBe('mine')
  })

  it.each<[string, AsyncIterable<Uint8Array>, RegExp]>([
    ['was cut short', inChunks(whole.subarray(0, -1)), /the backup.*not whole/],
    [
      'failed',
      (async function* () {
        yield whole.subarray(0, 40)
        throw new Error('connection lost')
      })(),
      /connection lost/,
    ],
  ])('leaves nothing where the stream %s', async (_, chunks, message) => {
    const directory = await temporaryDirectory(onTestFinished)
    await expect(saveBackup(chunks, join(directory, 'FILE'), () => {})).rejects.toThrow(message)
    expect(await readdir(directory)).toEqual([])
  })
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
