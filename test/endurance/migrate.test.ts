import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { sessionKey } from '../../src/stores/level/layout/keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { FILLING_KEY } from '../../src/stores/valkey/layout/keys.js'
import { DEFAULT_SHARDS, Shards } from '../../src/stores/valkey/layout/shards.js'
import { withLevel } from '../support/care.js'
import { collect } from '../support/damage.js'
import {
  CLI,
  ENVIRONMENT,
  sessiond,
  spawnServer,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { commandSession, insert, tokenSession } from '../support/store-sessions.js'
import { suiteEnd } from '../support/suite-end.js'
import { auditValkey } from '../support/valkey-audit.js'
import {
  type EngineNode,
  haveValkey,
  startValkey,
  startValkeyCluster,
  until,
} from '../support/valkey-cluster.js'

/** What servers have by default. */
const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }
/** More than one batch of a migration. */
const SESSIONS = 4500

/** Ids in the order in which a LevelDB store has them. */
const idOf = (i: number) => `${`${i}`.padStart(8, '0')}-1111-4222-8333-444455556666`

async function fillLevel(location: string, count: number): Promise<void> {
  const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false })
  await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const userId = `user ${i % 97}`
      const more = { sweepAtMs: 4_000_000_000_000 + i }
      return i % 3 === 0
        ? insert(store, tokenSession(idOf(i), { userId }), { ...more, seal: Buffer.from('seal') })
        : insert(store, commandSession(idOf(i), { userId }), more)
    }),
  )
  await store.close()
}

describe.skipIf(!haveValkey())('sessiond migrate', () => {
  let node: EngineNode
  let directory: string
  let source: string
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
    directory = await temporaryDirectory(atEnd)
    source = join(directory, 'source')
    await fillLevel(source, SESSIONS)
    // Servers of the copies need its keys.
    await (await startServer({ dataDir: directory })).stop()
  }, 120_000)

  const argsFor = (from: string, to: string, replicas = 0) => [
    ...['migrate', '--from', from, '--to', to, '--store-replicas', `${replicas}`],
    ...['--data-dir', directory],
  ]

  /** Runs the command, and sends a signal once it says that it is half done. */
  async function interrupted(args: readonly string[], signal: NodeJS.Signals) {
    const child = spawn(process.execPath, [CLI, ...args], {
      env: ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      if (!stderr.includes('60 %') && `${stderr}${text}`.includes('60 %')) {
        child.kill(signal)
      }
      stderr += text
    })
    const [code, ended] = await once(child, 'close')
    return { code, signal: ended, stderr }
  }

  async function emptyEngine(): Promise<void> {
    await node.call('FLUSHALL')
    await node.call('CONFIG', 'SET', 'maxmemory', 0)
  }

  const openIn = async (addresses: string) => {
    const args = ['--store', `valkey://${addresses}`, '--store-replicas', '0']
    const server = await startServer({ dataDir: directory, args: [...args, '--seneca', 'off'] })
    try {
      const status = await sessiond(['status', '--server', server.ready.grpc, '--json'])
      return JSON.parse(status.stdout).open_sessions
    } finally {
      await server.stop()
    }
  }

  it('goes on where a run was killed, and copies all of it', { timeout: 120_000 }, async () => {
    const { nodes, addresses } = await startValkeyCluster(onTestFinished)
    const args = argsFor(`level:${source}`, `valkey://${addresses}`, 1)
    const killed = await interrupted(args, 'SIGKILL')
    expect(killed.signal).toBe('SIGKILL')

    const shards = new Shards(DEFAULT_SHARDS)
    const first = shards.keysOf(shards.ofUser('user 0')).record(idOf(0))
    const holder = async (key: string) => {
      for (const one of nodes) {
        const value = await one.call('GET', key).catch(() => null)
        if (value !== null) {
          return value
        }
      }
    }
    const mark = await holder(FILLING_KEY)
    expect(mark).toMatch(/"items":[1-9]/)
    const written = await holder(first)
    expect(written).toBeTypeOf('string')

    const server = spawnServer({ dataDir: directory, args: ['--store', `valkey://${addresses}`] })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    expect(await server.exited).toMatchObject({ code: 4 })
    const other = await sessiond(argsFor(`level:${source}`, `level:${source}-2`))
    expect(other).toMatchObject({ code: 0 })
    const foreign = await sessiond(argsFor(`level:${source}-2`, `valkey://${addresses}`, 1))
    expect(foreign).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`from ${source} left`),
    })

    const { code, stdout, stderr } = await sessiond([...args, '--json'])
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ...{ from: source, to: `valkey://${addresses}`, sessions: SESSIONS },
      missing_keys: [],
    })
    // It was not written again.
    expect(await holder(first)).toBe(written)
    expect(await auditValkey(addresses, DEFAULT_SHARDS)).toEqual([])
    const again = await sessiond(args)
    expect(again).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('already holds a store'),
    })
  })

  it('says that the target is full, and goes on when it has room', {
    timeout: 120_000,
  }, async () => {
    await emptyEngine()
    const used = Number((await node.info('memory')).used_memory)
    await node.call('CONFIG', 'SET', 'maxmemory', used + 1_000_000)
    const args = argsFor(`level:${source}`, `valkey://${node.address}`)
    const full = await sessiond(args)
    expect(full.code).not.toBe(0)
    expect(full.stderr).toMatch(/is full \(maxmemory\); run it again/)
    await node.call('CONFIG', 'SET', 'maxmemory', 0)
    expect(await sessiond(args)).toMatchObject({ code: 0 })
    expect(await openIn(node.address)).toBe(SESSIONS)
  })

  it('begins anew where the source has changed since', { timeout: 120_000 }, async () => {
    await emptyEngine()
    const changing = join(directory, 'changing')
    await cp(source, changing, { recursive: true })
    const args = argsFor(`level:${changing}`, `valkey://${node.address}`)
    await interrupted(args, 'SIGTERM')
    const store = await LevelStore.open(changing, { epochs: EPOCHS })
    await store.remove(idOf(7), () => true)
    await store.close()
    const changed = await sessiond(args)
    expect(changed).toMatchObject({ code: 4, stderr: expect.stringMatching(/source has changed/) })
    expect(await node.call('DBSIZE')).toBe(0)
    expect(await sessiond(args)).toMatchObject({ code: 0 })
    expect(await openIn(node.address)).toBe(SESSIONS - 1)
  })

  it('copies no store with a damaged row, and names the row', { timeout: 120_000 }, async () => {
    await emptyEngine()
    const damaged = join(directory, 'damaged')
    await fillLevel(damaged, 300)
    await withLevel(damaged, (level) => level.bare.put(sessionKey(idOf(42)), Buffer.from('no row')))
    const args = argsFor(`level:${damaged}`, `valkey://${node.address}`)
    const { code, stderr } = await sessiond(args)
    expect(code).toBe(4)
    expect(stderr).toContain(idOf(42))
    expect(stderr).toContain('sessiond repair')
  })

  it('copies back into LevelDB, but not from under a server', { timeout: 120_000 }, async () => {
    await emptyEngine()
    const small = join(directory, 'small')
    await fillLevel(small, 300)
    const at = `valkey://${node.address}`
    expect(await sessiond(argsFor(`level:${small}`, at))).toMatchObject({ code: 0 })
    const back = `level:${join(directory, 'back')}`
    const server = await startServer({
      dataDir: directory,
      args: ['--store', at, '--store-replicas', '0'],
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    expect(await sessiond(argsFor(at, back))).toMatchObject({ code: 3 })
    await server.stop()
    const { code, stdout, stderr } = await sessiond(argsFor(at, back))
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('copied 300 sessions')
    const check = await sessiond(['check', '--store', back, '--data-dir', directory])
    // The seals of this test are none.
    expect(check.stdout.split('\n').filter((line) => !/seal/.test(line))).toEqual([
      expect.stringMatching(/^checked/),
      '',
    ])
  })

  it('wants a store to copy from', async () => {
    const nothing = argsFor(`level:${join(directory, 'nothing')}`, `valkey://${node.address}`)
    expect(await sessiond(nothing)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('there is nothing to migrate'),
    })
    expect(await sessiond(argsFor('paper:shelf', 'level'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--from: there is no such store/),
    })
  })

  it('has a restore beside it, which leaves nothing where it is stopped', {
    timeout: 120_000,
  }, async () => {
    await emptyEngine()
    const level = await LevelStore.open(source, { epochs: EPOCHS })
    const whole = Buffer.concat(await collect(level.backup(0)))
    await level.close()
    const file = join(directory, 'small.backup')
    await writeFile(file, whole)
    await writeFile(`${file}.cut`, whole.subarray(0, whole.length - 100))
    const store = ['--store', `valkey://${node.address}`, '--store-replicas', '0']
    const argsOf = (name: string) => ['restore', name, ...store, '--data-dir', directory]

    expect(await sessiond(argsOf(`${file}.cut`))).toMatchObject({ code: 4 })
    expect(await node.call('DBSIZE')).toBe(0)

    const child = spawn(process.execPath, [CLI, ...argsOf(file)], { env: ENVIRONMENT })
    onTestFinished(() => void child.kill('SIGKILL'))
    const closed = once(child, 'close')
    await until('it has written', async () => (await node.call('DBSIZE')) > 1000)
    child.kill('SIGINT')
    expect(await closed).toEqual([1, null])
    expect(await node.call('DBSIZE')).toBe(0)

    expect(await sessiond(argsOf(file))).toMatchObject({ code: 0, stderr: '' })
    expect(await openIn(node.address)).toBe(SESSIONS)
  })
})
