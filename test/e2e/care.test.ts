import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { INFO_KEY, indexKeys, sessionKey } from '../../src/stores/level/layout/keys.js'
import { readSession } from '../../src/stores/level/read/lookup.js'
import { withLevel } from '../support/care.js'
import { createClient, createRequest, inFlight } from '../support/create.js'
import {
  CLI,
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'

const SESSIONS = 300

let server: ServerProcess
const directory = await temporaryDirectory(afterAll)
const dataDir = join(directory, 'data')

beforeAll(async () => {
  server = await startServer({ dataDir })
  await fill(server.ready.grpc, SESSIONS)
})
afterAll(() => server?.stop())

/** Opens sessions of both kinds. */
async function fill(address: string, count: number): Promise<void> {
  const connection = connect(address, { serverKeys: 'any' })
  const commands = new SessionsClient(connection)
  const client = createClient(address)
  await inFlight(16, count, (i) =>
    i % 3 === 0
      ? commands.open({ userId: `user ${i}`, address: '192.0.2.1', client: 'test', data: [1] })
      : client.create(createRequest({ xHeaders: { 'idempotency-key': `${i}` } })),
  )
  client.close()
  connection.close()
}

let left: Promise<string> | undefined

/** What a server leaves that opened sessions and stopped. */
async function leave(): Promise<string> {
  const dataDir = join(directory, 'left')
  const process = await startServer({ dataDir })
  await fill(process.ready.grpc, 12)
  await process.stop()
  return dataDir
}

/** The data directory of a server that has stopped, with sessions in it. */
async function stopped(): Promise<string> {
  const own = await temporaryDirectory(onTestFinished)
  left ??= leave()
  await cp(await left, own, { recursive: true })
  return own
}

const ask = (...args: string[]) => sessiond([...args, '--server', server.ready.grpc])

describe('sessiond status', () => {
  it('says how the server is', async () => {
    const { code, stdout } = await ask('status', '--json')
    expect(code).toBe(0)
    const identity = await sessiond(['identity', '--data-dir', dataDir])
    expect(JSON.parse(stdout)).toMatchObject({
      version: expect.any(String),
      store_writable: true,
      identity: identity.stdout.trim(),
      next_identity: null,
      clock_suspect: false,
    })
    expect((await ask('status')).stdout).toMatch(/^open sessions +\d+$/m)
  })

  it('tells where no server answers', async () => {
    const { code, stderr } = await sessiond(['status', '--server', '127.0.0.1:1'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be reached')])
  })
})

describe('sessiond backup and restore', () => {
  it('bring every session into another data directory, where a server takes them up', async () => {
    const file = join(directory, 'FILE')
    const backup = await ask('backup', file, '--json')
    expect(backup).toMatchObject({ code: 0, stderr: '' })
    const { sessions, bytes } = JSON.parse(backup.stdout)
    expect([bytes, (await stat(file)).mode & 0o777]).toEqual([(await stat(file)).size, 0o600])

    const other = join(directory, 'other')
    const warned = await sessiond(['restore', file, '--data-dir', other])
    expect(warned.code).toBe(0)
    expect(warned.stderr).toMatch(/does not have the sealing keys \w+/)
    await rm(other, { recursive: true })
    await mkdir(other)
    for (const name of ['sealing-keys.json', 'identity.pem']) {
      await writeFile(join(other, name), await readFile(join(dataDir, name)), { mode: 0o600 })
    }
    const restore = await sessiond(['restore', file, '--data-dir', other, '--json'])
    expect(restore).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(restore.stdout)).toEqual({ sessions, missing_keys: [] })
    expect(await sessiond(['check', '--data-dir', other])).toMatchObject({ code: 0 })

    const second = await startServer({ dataDir: other })
    const status = await sessiond(['status', '--json', '--server', second.ready.grpc])
    await second.stop()
    expect(JSON.parse(status.stdout)).toMatchObject({ open_sessions: sessions })
  })

  it('is one moment of a server that goes on, and its store is whole', async () => {
    const file = join(directory, 'under-load')
    const load = fill(server.ready.grpc, 300)
    const backup = await ask('backup', file)
    const check = await ask('check')
    await load
    expect([backup.code, check.code, check.stdout]).toEqual([
      0,
      0,
      expect.stringContaining('no problem'),
    ])
    const other = join(directory, 'under-load-data')
    await mkdir(other)
    const keys = await readFile(join(dataDir, 'sealing-keys.json'))
    await writeFile(join(other, 'sealing-keys.json'), keys, { mode: 0o600 })
    expect(await sessiond(['restore', file, '--data-dir', other])).toMatchObject({ code: 0 })
    expect(await sessiond(['check', '--data-dir', other])).toMatchObject({ code: 0, stderr: '' })
  })

  it('never replace what is there', async () => {
    const file = join(directory, 'mine')
    await writeFile(file, 'mine')
    const backup = await ask('backup', file)
    expect([backup.code, backup.stderr]).toEqual([4, expect.stringContaining('already exists')])
    expect(await readFile(file, 'utf8')).toBe('mine')
    const restore = await sessiond(['restore', file, '--data-dir', dataDir])
    expect([restore.code, restore.stderr]).toEqual([4, expect.stringContaining('already exists')])
  })

  it('leave nothing where the operator ends them', async () => {
    const own = await temporaryDirectory(onTestFinished)
    const stalled = await startServer({ dataDir: join(own, 'data') })
    const target = join(own, 'target')
    await mkdir(target)
    stalled.child.kill('SIGSTOP')
    try {
      const args = ['backup', join(target, 'FILE'), '--server', stalled.ready.grpc]
      const child = spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' })
      const closed = once(child, 'close')
      await expect.poll(() => readdir(target)).toHaveLength(1)
      child.kill('SIGINT')
      expect(await closed).toEqual([1, null])
      expect(await readdir(target)).toEqual([])
    } finally {
      stalled.child.kill('SIGCONT')
      await stalled.stop()
    }
  })

  it('leave nothing where they fail', async () => {
    const own = await temporaryDirectory(onTestFinished)
    const gone = await sessiond(['backup', join(own, 'FILE'), '--server', '127.0.0.1:1'])
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('cannot be reached')])
    await writeFile(join(own, 'bad'), 'no backup')
    const bad = await sessiond(['restore', join(own, 'bad'), '--data-dir', join(own, 'data')])
    expect([bad.code, bad.stderr]).toEqual([4, expect.stringContaining('is no backup')])
    expect(await readdir(own)).toEqual(['bad'])
  })
})

describe('sessiond check and repair', () => {
  it('find damage, tell of it, mend it, and keep the old store', async () => {
    const own = await stopped()
    const id = await withLevel(join(own, 'store'), async (level) => {
      const [key = Buffer.alloc(0)] = await level.keys({ gte: Buffer.from('s'), limit: 1 }).all()
      const session = readSession(level, key.toString('utf8', 1))
      await level.del(indexKeys(session as never)[0])
      await level.put(sessionKey('broken'), Buffer.from('ffff', 'hex'))
      return session?.id
    })
    const check = await sessiond(['check', '--data-dir', own, '--json'])
    expect(check.code).toBe(1)
    expect(
      check.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { problem: 'session "broken": its record cannot be read' },
      { problem: `session "${id}": it is missing in the list of all` },
      { rows: expect.any(Number), problems: 2, unchecked: 0 },
    ])

    const dry = await sessiond(['repair', '--data-dir', own, '--dry-run'])
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was changed') })
    expect((await sessiond(['check', '--data-dir', own])).code).toBe(1)

    const repair = await sessiond(['repair', '--data-dir', own, '--json'])
    expect(repair).toMatchObject({ code: 0, stderr: '' })
    const [dropped, outcome] = repair.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(dropped).toEqual({ done: 'dropped session "broken": its record cannot be read' })
    expect(outcome).toEqual({ sessions: 12, changes: 1, kept_as: expect.any(String) })
    expect(await sessiond(['check', '--data-dir', own])).toMatchObject({ code: 0 })
    expect((await readdir(own)).filter((name) => /^store(?!\.made)/.test(name)).sort()).toEqual([
      'store',
      outcome.kept_as.slice(own.length + 1),
    ])
  })

  it.each<[string, (store: string, names: string[]) => Promise<void>]>([
    ['has lost CURRENT', (store) => rm(join(store, 'CURRENT'))],
    [
      'has a manifest that is none',
      (store, names) =>
        writeFile(join(store, names.find((name) => name.startsWith('MANIFEST')) ?? ''), 'none'),
    ],
  ])('save what is there where the database %s, which no server overwrites', async (_, damage) => {
    const own = await stopped()
    const store = join(own, 'store')
    await damage(store, await readdir(store))
    const before = await readdir(store)
    const serve = await sessiond(['serve', '--data-dir', own, '--grpc', '127.0.0.1:0'])
    expect([serve.code, serve.stderr]).toEqual([4, expect.stringContaining('is damaged')])
    expect((await sessiond(['check', '--data-dir', own])).code).toBe(1)

    const repair = await sessiond(['repair', '--data-dir', own, '--json'])
    expect(repair).toMatchObject({ code: 0, stderr: '' })
    const outcome = JSON.parse(repair.stdout.trim().split('\n').at(-1) ?? '')
    expect(outcome).toMatchObject({ sessions: 12 })
    expect(await readdir(outcome.kept_as)).toEqual(expect.arrayContaining(before))
    expect(await sessiond(['check', '--data-dir', own])).toMatchObject({ code: 0 })
  })

  it.each(['check', 'repair'])(
    '%s leaves a store alone that a server has open',
    async (command) => {
      const { code, stderr } = await sessiond([command, '--data-dir', dataDir])
      expect([code, stderr]).toEqual([3, expect.stringContaining('in use by another process')])
    },
  )

  it.each(['check', 'repair'])('%s makes no store where there is none', async (command) => {
    const own = await temporaryDirectory(onTestFinished)
    await writeFile(
      join(own, 'sealing-keys.json'),
      await readFile(join(dataDir, 'sealing-keys.json')),
    )
    const { code, stderr } = await sessiond([command, '--data-dir', own])
    expect([code, stderr]).toEqual([4, expect.stringContaining('there is no store')])
    expect(await readdir(own)).toEqual(['sealing-keys.json'])
  })

  it('check says first that there is no store, and not that there are no keys', async () => {
    const own = await temporaryDirectory(onTestFinished)
    const { code, stderr } = await sessiond(['check', '--data-dir', own])
    expect([code, stderr]).toEqual([4, expect.stringContaining(`${own}/store holds no store`)])
  })

  it('check wants the keys that seal, and the epochs of the store', async () => {
    const own = await stopped()
    const epochs = await sessiond(['check', '--data-dir', own, '--epoch-length', '15s'])
    expect([epochs.code, epochs.stderr]).toEqual([4, expect.stringContaining('--epoch-length')])
    await rm(join(own, 'sealing-keys.json'))
    const keys = await sessiond(['check', '--data-dir', own])
    expect([keys.code, keys.stderr]).toEqual([4, expect.stringContaining('is not there')])
    await withLevel(join(own, 'store'), (level) => level.del(INFO_KEY))
    expect((await sessiond(['repair', '--data-dir', own])).stdout).toMatch(/^mended: the epochs/)
  })
})

it('a store that --store puts elsewhere is served, imported into, checked, repaired and restored there', async () => {
  const own = await temporaryDirectory(onTestFinished)
  const elsewhere = join(own, 'disk', 'sessions')
  const dataDir = join(own, 'data')
  const place = ['--data-dir', dataDir, '--store', `level:${elsewhere}`]
  const running = await startServer({ dataDir, args: place.slice(2) })
  await fill(running.ready.grpc, 12)
  const file = join(own, 'FILE')
  expect(await sessiond(['backup', file, '--server', running.ready.grpc])).toMatchObject({
    code: 0,
  })
  await running.stop()
  expect(await readdir(dataDir)).not.toContain('store')
  const sessions = join(own, 'sessions.json')
  const opened = { id: '1', user_id: 'imported', open_time: new Date().toISOString() }
  await writeFile(sessions, JSON.stringify([opened]))
  expect(await sessiond(['import', sessions, ...place])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('imported 1 '),
  })
  expect(await sessiond(['check', ...place])).toMatchObject({ code: 0, stderr: '' })
  expect(await sessiond(['repair', ...place])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^13 sessions, 0 dropped or mended; .*disk\/sessions\.before/),
  })
  // Elsewhere in the data directory alone: nobody begins an empty store beside it.
  const without = await sessiond(['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0'])
  expect([without.code, without.stderr]).toEqual([4, expect.stringContaining('has no store')])
  await rm(elsewhere, { recursive: true })
  expect(await sessiond(['restore', file, ...place])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^restored 12 sessions/),
  })
  expect(await readdir(elsewhere)).toContain('CURRENT')
})
