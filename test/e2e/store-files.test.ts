import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, open as openFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, type RefusedError, SessionsClient } from '../../src/client/index.js'
import { readConfig } from '../../src/config/config.js'
import { apart, type Report, WINDOW } from '../../src/offline/apart.js'
import {
  idAfterTime,
  LIST_TIME_OFFSET,
  RANGES,
  sealKey,
  sessionKey,
} from '../../src/stores/level/layout/keys.js'
import { withLevel } from '../support/care.js'
import { createClient, createRequest } from '../support/create.js'
import { watchHealth } from '../support/health.js'
import { startTestNode } from '../support/node.js'
import {
  sessiond,
  spawnServer,
  startServer,
  temporaryDirectory,
  untilReady,
} from '../support/process.js'

/** Ends the process that works on a store, and no other. */
const ABORTING = fileURLToPath(new URL('../support/abort-apart.mjs', import.meta.url))

/** A data directory of a server that has stopped: one session of each kind in a table, one in the log. */
let prepared: string
const directory = await temporaryDirectory(afterAll)
beforeAll(async () => {
  prepared = join(directory, 'data')
  for (let i = 0; i < 2; i++) {
    const node = await startTestNode(prepared)
    const { create, open, close } = callers(node.addresses.grpc)
    await create()
    await open()
    close()
    await node.close()
  }
})

async function copied(): Promise<{ readonly dataDir: string; readonly store: string }> {
  const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
  await cp(prepared, dataDir, { recursive: true })
  return { dataDir, store: join(dataDir, 'store') }
}

/** Open a session each, by Create and by a command. */
function callers(address: string) {
  const client = createClient(address)
  const connection = connect(address, { serverKeys: 'any' })
  const commands = new SessionsClient(connection)
  return {
    commands,
    close: () => {
      client.close()
      connection.close()
    },
    create: () => client.create(createRequest({})),
    open: () =>
      commands.open({
        userId: `${Math.random()}`,
        address: '192.0.2.1',
        client: 'test',
        data: [1],
      }),
  }
}

const namesOf = async (store: string, end: string) =>
  (await readdir(store)).filter((name) => name.endsWith(end)).map((name) => join(store, name))

/** In place: a server has its tables mapped into memory, and dies of SIGBUS when it reads one that is short meanwhile. */
async function alter(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+')
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
    await file.write(Buffer.of((buffer[0] as number) ^ 1), 0, 1, at)
  } finally {
    await file.close()
  }
}

describe('a server whose store is taken away', () => {
  it.each<[string, (store: string) => Promise<unknown>]>([
    ['the directory is deleted', (store) => rm(store, { recursive: true })],
    ['the directory is moved', (store) => rename(store, `${store}.elsewhere`)],
    ['its log is deleted', async (store) => rm((await namesOf(store, '.log'))[0] ?? '')],
    ['CURRENT is deleted', (store) => rm(join(store, 'CURRENT'))],
    ['LOCK is deleted', (store) => rm(join(store, 'LOCK'))],
  ])('acknowledges nothing from then on where %s, and is not ready', async (_, take) => {
    const { dataDir, store } = await copied()
    const node = await startTestNode(dataDir)
    onTestFinished(async () => void (await node.close()))
    const { create, open, close } = callers(node.addresses.grpc)
    onTestFinished(close)
    await create()
    await take(store)
    await expect(create()).rejects.toMatchObject({ reason: 'STORE_DAMAGED' })
    await expect(open()).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
    const ready = await fetch(`${node.addresses.http}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining("the store's files were taken away"),
    ])
  })

  it('soon acknowledges nothing where a table is deleted', async () => {
    const { dataDir, store } = await copied()
    const node = await startTestNode(dataDir)
    onTestFinished(async () => void (await node.close()))
    const { create, close } = callers(node.addresses.grpc)
    onTestFinished(close)
    await create()
    await rm((await namesOf(store, '.ldb'))[0] ?? '')
    await expect
      .poll(() => create().catch((error: RefusedError) => error.reason))
      .toBe('STORE_DAMAGED')
  })

  it('notices without being asked, and still gives a backup', async () => {
    const { dataDir, store } = await copied()
    const server = await startServer({ dataDir })
    const health = watchHealth(server.ready.grpc)
    await health.watched
    // At once: of a store that is removed file by file, one file is missed first.
    await rename(store, join(await temporaryDirectory(onTestFinished), 'store'))
    await health.notServing
    expect(await server.event('store-gone')).toMatchObject({
      reason: `${store} is no longer there`,
    })
    const file = join(dataDir, 'FILE')
    const backup = await sessiond(['backup', file, '--server', server.ready.grpc])
    expect(backup).toMatchObject({ code: 0, stdout: expect.stringContaining('4 sessions') })
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
    const restore = await sessiond(['restore', file, '--data-dir', dataDir])
    expect(restore).toMatchObject({ code: 0, stderr: '' })
    const check = await sessiond(['check', '--data-dir', dataDir])
    expect([check.code, check.stdout]).toEqual([0, expect.stringContaining('no problem')])
  })
})

it('gets no empty store in the place of a lost one, until what shows that there was one is moved away', async () => {
  const { dataDir, store } = await copied()
  await rm(store, { recursive: true })
  await writeFile(join(dataDir, 'audit.jsonl'), '{}\n')
  const refused = await sessiond(['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0'])
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('sessiond restore')])
  for (const name of ['store.made', 'audit.jsonl']) {
    await expect(startTestNode(dataDir)).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringContaining(join(dataDir, name)),
    })
    expect(await readdir(dataDir)).not.toContain('store')
    await rename(join(dataDir, name), join(dataDir, `${name}.old`))
  }
  await (await startTestNode(dataDir)).close()
})

it('takes keys beside an audit log for those of a store that is lost, and keys alone for new ones', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  await (await startTestNode(dataDir)).close()
  await rm(join(dataDir, 'store'), { recursive: true })
  // As an earlier release left it.
  await rm(join(dataDir, 'store.made'))
  expect(await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).toBe('')
  await expect(startTestNode(dataDir)).rejects.toMatchObject({
    code: 'STORE_MISMATCH',
    message: expect.stringContaining(join(dataDir, 'audit.jsonl')),
  })
  expect(await readdir(dataDir)).toEqual(['audit.jsonl', 'identity.pem', 'sealing-keys.json'])
  await rm(join(dataDir, 'audit.jsonl'))
  await (await startTestNode(dataDir)).close()
})

describe('a start that finds damage', () => {
  it.each([
    ['the log', '.log'],
    ['a table', '.ldb'],
  ])('in %s is refused, and says what to do; --accept-damage starts', async (_, end) => {
    const { dataDir, store } = await copied()
    const [path = ''] = await namesOf(store, end)
    await alter(path, 60)
    const name = path.slice(store.length + 1)
    const files = await readdir(store)
    const refused = await sessiond(['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0'])
    expect(refused.code).toBe(4)
    for (const part of [name, 'checksum', 'sessiond repair', '--accept-damage']) {
      expect(refused.stderr).toContain(part)
    }
    expect(await readdir(store)).toEqual(files)
    const check = await sessiond(['check', '--data-dir', dataDir])
    expect([check.code, check.stdout]).toEqual([1, expect.stringContaining(name)])
    const accepted = spawnServer({ dataDir, args: ['--accept-damage'] })
    await accepted.event('store-damaged')
    await untilReady(accepted)
    await accepted.stop()
  })
})

describe('the shared sample of a damaged store', () => {
  const SAMPLE = fileURLToPath(new URL('../samples/damaged-store', import.meta.url))
  const DAMAGE = /000005\.ldb: a block of rows at byte \d+ fails its checksum/

  it('is refused by serve, named by check, and made whole by repair', async () => {
    const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
    await cp(SAMPLE, dataDir, { recursive: true })
    const files = await readdir(join(dataDir, 'store'))
    const served = await sessiond(['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0'])
    expect([served.code, served.stderr]).toEqual([4, expect.stringMatching(DAMAGE)])
    const check = await sessiond(['check', '--data-dir', dataDir])
    expect([check.code, check.stdout]).toEqual([1, expect.stringMatching(DAMAGE)])
    expect(await readdir(join(dataDir, 'store'))).toEqual(files)
    const repair = await sessiond(['repair', '--data-dir', dataDir])
    expect([repair.code, repair.stdout]).toEqual([0, expect.stringMatching(DAMAGE)])
    const after = await sessiond(['check', '--data-dir', dataDir])
    expect([after.code, after.stdout]).toEqual([0, expect.stringContaining('no problem')])
  })
})

it('a damaged row is DATA_LOSS to whoever needs it, by its id, and no other call fails', async () => {
  const { dataDir, store } = await copied()
  const id = await withLevel(store, async (level) => {
    const keys = await level.keys(RANGES.byTime).all()
    const oldest = idAfterTime(keys.at(-1) as Buffer, LIST_TIME_OFFSET)
    const record = Buffer.from((await level.bare.get(sessionKey(oldest))) as Uint8Array)
    record[3] = (record[3] as number) ^ 1
    await level.bare.put(sessionKey(oldest), record)
    return oldest
  })
  const node = await startTestNode(dataDir, { http: 'off' })
  onTestFinished(async () => void (await node.close()))
  const { commands, create, close } = callers(node.addresses.grpc)
  onTestFinished(close)
  const damaged = {
    grpcCode: status.DATA_LOSS,
    code: 'STORE_DAMAGED',
    message: expect.stringContaining(`session "${id}": its record fails its checksum`),
  }
  for (const call of [() => commands.get(id), () => commands.close(id), () => commands.list({})]) {
    await expect(call()).rejects.toMatchObject(damaged)
  }
  await create()
  const { sessions } = await commands.list({ take: 3 })
  expect(sessions).toHaveLength(3)
})

it('a check of a server with a damaged table names the file, and the server goes on', async () => {
  const { dataDir, store } = await copied()
  const server = await startServer({ dataDir })
  const [path = ''] = await namesOf(store, '.ldb')
  await alter(path, 60)
  const check = await sessiond(['check', '--server', server.ready.grpc])
  expect(check).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`${path.slice(store.length + 1)}: a block of rows at byte 0`),
    stderr: '',
  })
  expect(await server.stop()).toMatchObject({ code: 0, signal: null })
})

it.each([
  ['check', 1, 'stdout'],
  ['repair', 4, 'stderr'],
] as const)(
  '%s goes on where the process that reads the store is aborted, as by LevelDB, and tells of it',
  async (command, expected, output) => {
    const { dataDir } = await copied()
    const env = { ...process.env, NODE_OPTIONS: `--import ${ABORTING}` }
    const finished = await sessiond([command, '--data-dir', dataDir], { env })
    expect([finished.code, finished[output]]).toEqual([
      expected,
      expect.stringMatching(/ended \(SIGABRT\).*sessiond repair/),
    ])
  },
)

it.each([
  ["process.kill(process.pid,'SIGKILL')", /works on it was ended by SIGKILL$/m],
  [
    "process._rawDebug('heap%20out%20of%20memory');process.abort()",
    /SIGABRT: it ran out of memory$/m,
  ],
])('does not take a store for damaged where its reader does %s', async (what, message) => {
  const { dataDir } = await copied()
  const script = `if(String(process.argv[1]).endsWith('apart-main.js')){${what}}`
  const env = { ...process.env, NODE_OPTIONS: `--import data:text/javascript,${script}` }
  const finished = await sessiond(['check', '--data-dir', dataDir], { env })
  expect([finished.code, finished.stderr]).toEqual([1, expect.stringMatching(message)])
})

it('work on a store waits until what it reports is taken, and goes on then', async () => {
  const { store, dataDir } = await copied()
  // Each is left over, and told of.
  await withLevel(store, async (level) => {
    for (let i = 0; i < 2 * WINDOW; i++) {
      await level.put(sealKey(`absent ${i}`), Uint8Array.of(0))
    }
  })
  const config = readConfig({ flags: { 'data-dir': dataDir }, env: {} })
  const child = fork(fileURLToPath(new URL('../../dist/offline/apart-main.js', import.meta.url)), {
    ...{ serialization: 'advanced', execArgv: [] },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const seen: Report[] = []
  const full = new Promise<void>((resolve) => {
    child.on('message', (report: Report) => {
      if (seen.push(report) >= WINDOW) {
        resolve()
      }
    })
  })
  child.send({ kind: 'check', config })
  await full
  child.kill('SIGTERM')
  await once(child, 'close')
  // The last tells why it ended.
  expect(seen.slice(WINDOW)).toEqual([
    { error: { code: 'INTERRUPTED', message: expect.anything() } },
  ])
  const { stdout } = await sessiond(['check', '--data-dir', dataDir])
  expect(stdout.match(/left over/g)?.length).toBeGreaterThanOrEqual(2 * WINDOW)
})

it('says so where the process that works on a store cannot be begun', async () => {
  const { dataDir } = await copied()
  const config = readConfig({ flags: { 'data-dir': dataDir }, env: {} })
  const { execPath } = process
  process.execPath = join(dataDir, 'nowhere')
  onTestFinished(() => {
    process.execPath = execPath
  })
  await expect(apart({ kind: 'check', config }).next()).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/works on it failed: spawn .*ENOENT/),
  })
})
