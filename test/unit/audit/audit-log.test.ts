import { execFileSync } from 'node:child_process'
import { constants } from 'node:fs'
import { appendFile, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AuditFile, openAuditFile } from '../../../src/audit/audit-file.js'
import { type AuditLogOptions, openAuditLog } from '../../../src/audit/audit-log.js'
import { StoreUnavailableError } from '../../../src/core/errors.js'
import { temporaryDirectory } from '../../support/process.js'

const entry = (sessionId: string) => ({
  action: 'close',
  caller: { name: 'seneca', address: '127.0.0.1:9' },
  facts: { sessionId },
})

/** A log in a directory of its own, whose clock and timer are the test's. */
async function setUp(options: Partial<AuditLogOptions> = {}) {
  const path = join(await temporaryDirectory(onTestFinished), 'audit.jsonl')
  const time = { nowMs: Date.UTC(2030, 0, 1) }
  const told: string[] = []
  const retries: (() => void)[] = []
  const open = () =>
    openAuditLog(path, {
      nowMs: () => time.nowMs,
      onFailure: (error) => told.push((error as Error).message),
      onRecovery: () => told.push('recovered'),
      after: (_, run) => {
        retries.push(run)
        return () => retries.splice(0)
      },
      ...options,
    })
  const text = () => readFile(path, 'utf8')
  const ids = async () =>
    (await text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).session_id)
  return { path, time, told, retries, open, text, ids }
}

/** A disk with room for so many bytes more. */
function fullDisk(room: number) {
  const disk = { room, writes: 0 }
  const openFile = async (path: string): Promise<AuditFile> => {
    const file = await openAuditFile(path)
    return {
      ...file,
      async write(bytes) {
        disk.writes++
        if (disk.room === 0) {
          throw new Error('no space left on device')
        }
        const written = await file.write(bytes.subarray(0, disk.room))
        disk.room -= written
        return written
      },
    }
  }
  return { disk, openFile }
}

/** Lets so many turns of the microtask queue pass. */
async function afterTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await undefined
  }
}

describe('the audit log', () => {
  it('holds one line for each entry: when, what, who, from where, and the facts', async () => {
    const { open, text, path } = await setUp()
    const log = await open()
    await log.record({
      action: 'erase',
      caller: { name: 'admin token', address: '[::1]:4' },
      facts: { userId: 'a\nb', sessions: 2, wasOpen: true },
    })
    expect(await text()).toBe(
      '{"time":"2030-01-01T00:00:00.000Z","action":"erase","who":"admin token","from":"[::1]:4",' +
        '"user_id":"a\\nb","sessions":2,"was_open":true}\n',
    )
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await log.close()
  })

  it('is added to by the next process', async () => {
    const { open, ids } = await setUp()
    for (const id of ['1', '2']) {
      const log = await open()
      await log.record(entry(id))
      await log.close()
    }
    expect(await ids()).toEqual(['1', '2'])
  })

  it('goes on with a line of its own after one that a crash cut', async () => {
    const { open, text, path } = await setUp()
    await writeFile(path, '{"time":"2030')
    const log = await open()
    await log.record(entry('1'))
    await log.record(entry('2'))
    expect((await text()).split('\n').slice(0, 3)).toEqual([
      '{"time":"2030',
      expect.stringContaining('"1"'),
      expect.stringContaining('"2"'),
    ])
    await log.close()
  })

  it('writes together what is recorded while a write is under way', async () => {
    const { disk, openFile } = fullDisk(Number.POSITIVE_INFINITY)
    const { open, ids } = await setUp({ openFile })
    const log = await open()
    const names = Array.from({ length: 1000 }, (_, i) => `${i}`)
    await Promise.all(names.map((id) => log.record(entry(id))))
    expect(await ids()).toEqual(names)
    expect(disk.writes).toBeLessThan(10)
    await log.close()
  })

  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'misses no entry that is recorded just when a write ends: %i turns after it',
    async (turns) => {
      let later: Promise<void> | undefined
      const openFile = async (path: string): Promise<AuditFile> => {
        const file = await openAuditFile(path)
        const write = async (bytes: Uint8Array) => {
          const written = await file.write(bytes)
          later ??= afterTurns(turns).then(() => log.record(entry('2')))
          return written
        }
        return { ...file, write }
      }
      const { open, ids } = await setUp({ openFile })
      const log = await open()
      await log.record(entry('1'))
      await later
      expect(await ids()).toEqual(['1', '2'])
      await log.close()
    },
  )

  it('does not open where there is no directory', async () => {
    const { open, path } = await setUp()
    await rm(join(path, '..'), { recursive: true })
    await expect(open()).rejects.toThrow(StoreUnavailableError)
  })
})

describe('while the disk is full, the audit log', () => {
  it.each([
    ['between two lines', 'whole'],
    ['within a line', 'half'],
    ['before the first byte', 'none'],
  ])('refuses, and later has every line once and whole: full %s', async (_, room) => {
    const line = 107 // Bytes, of an entry with an id of two characters.
    const { disk, openFile } = fullDisk({ whole: line, half: line + 40, none: 0 }[room] ?? 0)
    const { open, ids, text, told } = await setUp({ openFile })
    const log = await open()
    const outcomes = await Promise.allSettled(['10', '11', '12'].map((id) => log.record(entry(id))))
    expect(outcomes.at(-1)).toMatchObject({ reason: expect.any(StoreUnavailableError) })
    await expect(log.check()).rejects.toThrow(StoreUnavailableError)
    expect(told).toEqual(['no space left on device'])

    disk.room = Number.POSITIVE_INFINITY
    await log.check()
    await log.record(entry('13'))
    expect((await text()).indexOf('\n') + 1).toBe(line)
    expect(await ids()).toEqual(['10', '11', '12', '13'])
    expect(told).toEqual(['no space left on device', 'recovered'])
    expect(log.pending).toBe(0)
    await log.close()
  })

  it('tries again by itself', async () => {
    const { disk, openFile } = fullDisk(0)
    let onRecovery = () => {}
    const recovered = new Promise<void>((resolve) => {
      onRecovery = resolve
    })
    const { open, ids, retries } = await setUp({ openFile, onRecovery })
    const log = await open()
    await expect(log.record(entry('1'))).rejects.toThrow(StoreUnavailableError)
    disk.room = Number.POSITIVE_INFINITY
    expect(retries).toHaveLength(1)
    retries[0]?.()
    await recovered
    expect(await ids()).toEqual(['1'])
    await log.close()
  })

  it('says at its end what was never written', async () => {
    const { openFile } = fullDisk(0)
    const { open, retries } = await setUp({ openFile })
    const log = await open()
    await expect(log.record(entry('1'))).rejects.toThrow(StoreUnavailableError)
    await expect(log.close()).rejects.toThrow('1 entries of the audit log')
    expect(retries).toHaveLength(0)
  })
})

describe('once its file was renamed, the audit log', () => {
  it('goes on in a new one, and loses no line', async () => {
    const { open, ids, path, time } = await setUp()
    const log = await open()
    await log.record(entry('1'))
    await rename(path, `${path}.1`)
    await log.record(entry('2'))
    time.nowMs += 1000
    await log.record(entry('3'))
    const rotated = (await readFile(`${path}.1`, 'utf8')).trimEnd().split('\n')
    expect(rotated.map((line) => JSON.parse(line).session_id)).toEqual(['1', '2'])
    expect(await ids()).toEqual(['3'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await log.close()
  })

  it('also where another file took its name, and after the clock was set back', async () => {
    const { open, text, path, time } = await setUp()
    const log = await open()
    await rename(path, `${path}.1`)
    await appendFile(path, 'rotated')
    time.nowMs -= 3_600_000
    await log.record(entry('1'))
    expect((await text()).split('\n')).toEqual(['rotated', expect.stringContaining('"1"'), ''])
    await log.close()
  })
})

describe('on a named pipe, the audit log', () => {
  async function setUpPipe() {
    const { path, open: openLog, told, retries } = await setUp()
    execFileSync('mkfifo', [path])
    return { path, openLog, told, retries }
  }

  it('is refused where no process reads from it', async () => {
    const { openLog } = await setUpPipe()
    await expect(openLog()).rejects.toThrow('it is a pipe that no process reads from')
  })

  it('fails while its reader takes nothing, holds up nobody, and then goes on where it was', async () => {
    const { path, openLog, told, retries } = await setUpPipe()
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    onTestFinished(() => reader.close())
    const log = await openLog()
    const entries = Array.from({ length: 1_000 }, (_, i) => entry(`${i}`.padStart(200)))
    const done = await Promise.allSettled(entries.map((each) => log.record(each)))
    expect(done.at(-1)).toMatchObject({ reason: expect.any(StoreUnavailableError) })
    expect(told).toEqual([expect.stringContaining('EAGAIN')])

    let text = ''
    while (log.pending > 0) {
      const { bytesRead, buffer } = await reader.read(Buffer.alloc(1_000_000))
      text += buffer.toString('utf8', 0, bytesRead)
      retries.pop()?.()
      await log.check().catch(() => {})
    }
    text += (await reader.read(Buffer.alloc(1_000_000))).buffer.toString().replace(/\0+$/, '')
    const ids = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).session_id)
    expect(ids).toEqual(entries.map(({ facts }) => facts.sessionId))
    await log.close()
  })
})
