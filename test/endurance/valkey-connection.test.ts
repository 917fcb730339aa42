import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailableError } from '../../src/core/errors.js'
import {
  type Cluster,
  type ClusterSettings,
  openCluster,
} from '../../src/stores/valkey/connection/cluster.js'
import { shardTag, slotsOfShards } from '../../src/stores/valkey/connection/slots.js'
import { newAuthority } from '../support/certificates.js'
import { temporaryDirectory } from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'
import {
  describeEngines,
  type EngineCluster,
  type EngineNode,
  haveValkey,
  isHere,
  REDIS,
  startValkey,
  startValkeyCluster,
  until,
} from '../support/valkey-cluster.js'

const SHARDS = 16
const SLOTS_OF_SHARDS = slotsOfShards(SHARDS)
const slotOf = (shard: number) => SLOTS_OF_SHARDS[shard] as number

/** A counter and a set of everything that was ever put into a shard, so that what was acknowledged can be counted. */
const LIBRARY = `#!lua name=test
local function put(keys, args)
  redis.call('SADD', keys[1], args[1])
  redis.call('SPUBLISH', args[2], args[1])
  return redis.call('SCARD', keys[1])
end
local function all(keys)
  return redis.call('SMEMBERS', keys[1])
end
redis.register_function('put', put)
redis.register_function{function_name='all', callback=all, flags={'no-writes'}}
`

const setOf = (shard: number) => `set:${shardTag(shard)}`
const channelOf = (shard: number) => `channel:${shardTag(shard)}`
const put = (cluster: Cluster, shard: number, value: string) =>
  cluster.write(shard, 'put', [setOf(shard)], [value, channelOf(shard)])
const all = async (cluster: Cluster, shard: number) =>
  new Set(((await cluster.read(shard, 'all', [setOf(shard)], [])) as Buffer[]).map(String))

async function connect(
  nodes: readonly EngineNode[],
  settings: Partial<ClusterSettings> = {},
): Promise<Cluster> {
  const cluster = await openCluster({
    seeds: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    nat: new Map(),
    user: null,
    password: () => null,
    tls: null,
    timeoutMs: 2000,
    replicas: 1,
    shards: SHARDS,
    library: LIBRARY,
    ...settings,
  })
  onTestFinished(() => cluster.close())
  return cluster
}

/** Puts values into shards without end, a few at a time, and remembers which were acknowledged. */
function load(cluster: Cluster, shards: readonly number[]) {
  const acknowledged = new Map<number, string[]>(shards.map((shard) => [shard, []]))
  const failures: unknown[] = []
  let isStopped = false
  onTestFinished(() => {
    isStopped = true
  })
  const runs = shards.flatMap((shard) =>
    Array.from({ length: 4 }, async (_, run) => {
      for (let i = 0; !isStopped; i++) {
        const value = `${shard}-${run}-${i}`
        try {
          await put(cluster, shard, value)
          acknowledged.get(shard)?.push(value)
        } catch (error) {
          failures.push(error)
          await setImmediate()
        }
      }
    }),
  )
  const of = (shard: number) => acknowledged.get(shard) ?? []
  return {
    failures,
    /** Waits until so many more have been acknowledged in each of these shards. */
    more: (count: number, among = shards) => {
      const wanted = among.map((shard) => [shard, of(shard).length + count] as const)
      return until('writes are acknowledged', async () =>
        wanted.every(([shard, length]) => of(shard).length >= length),
      )
    },
    /** Ends it, and checks that whatever was acknowledged is there. */
    async check() {
      isStopped = true
      await Promise.all(runs)
      for (const error of failures) {
        expect(error).toBeInstanceOf(StoreUnavailableError)
      }
      for (const shard of shards) {
        const there = await all(cluster, shard)
        expect(of(shard).filter((value) => !there.has(value))).toEqual([])
      }
    },
  }
}

describeEngines('a cluster of', ({ program }) => {
  let engines: EngineCluster
  const atEnd = suiteEnd()
  beforeAll(async () => {
    engines = await startValkeyCluster(atEnd, { program })
  })

  /** The shards whose master is a node now. */
  async function shardsOf(node: EngineNode): Promise<number[]> {
    const masters = await Promise.all(SLOTS_OF_SHARDS.map((slot) => engines.masterOf(slot)))
    return masters.flatMap((master, shard) => (master === node ? [shard] : []))
  }

  it('has each shard on its master, and the functions where they were missing', async () => {
    const cluster = await connect(engines.nodes.slice(0, 1))
    await Promise.all(SLOTS_OF_SHARDS.map((_, shard) => put(cluster, shard, 'a')))
    for (const [shard, slot] of SLOTS_OF_SHARDS.entries()) {
      const master = await engines.masterOf(slot)
      expect(await master.call('SMEMBERS', setOf(shard))).toEqual(['a'])
      expect(await all(cluster, shard)).toEqual(new Set(['a']))
    }
    const [master] = await engines.nodesOf(slotOf(0))
    await master?.call('FUNCTION', 'FLUSH')
    expect(await put(cluster, 0, 'b')).toBe(2)
  })

  it('acknowledges nothing that no replica has, and goes on elsewhere', async () => {
    const cluster = await connect(engines.nodes)
    const [master, replica] = await engines.nodesOf(slotOf(0))
    const others = SLOTS_OF_SHARDS.map((_, shard) => shard)
    const own = await shardsOf(master as EngineNode)
    const other = others.find((shard) => !own.includes(shard)) as number
    replica?.pause()
    onTestFinished(() => replica?.resume())
    await expect(put(cluster, 0, 'x')).rejects.toThrow('too few replicas')
    await put(cluster, other, 'x')
    replica?.resume()
    await until('writes are acknowledged again', async () => (await put(cluster, 0, 'y')) !== null)
  })

  it.each([
    ['is killed', (master: EngineNode) => master.kill()],
    ['falls silent', async (master: EngineNode) => master.pause()],
  ])('loses nothing acknowledged when a master %s, and delays no other shard', async (_, end) => {
    await engines.settled()
    const cluster = await connect(engines.nodes)
    const slot = slotOf(3)
    const master = await engines.masterOf(slot)
    const orphans = (await shardsOf(master)).slice(0, 2)
    const others = SLOTS_OF_SHARDS.map((_, shard) => shard).filter((i) => !orphans.includes(i))
    const healthy = (
      await Promise.all(
        others.map(async (shard) => [shard, await engines.masterOf(slotOf(shard))] as const),
      )
    )
      .filter(([, node]) => node !== master)
      .map(([shard]) => shard)
      .slice(0, 2)
    const running = load(cluster, [...orphans, ...healthy])
    await running.more(10)
    await end(master)
    // While nobody has taken over: the others are served as before.
    await running.more(50, healthy)
    await until('a replica has taken over', async () => (await engines.masterOf(slot)) !== master)
    // Its only replica is the master now, and nobody is left to confirm writes.
    if (master.isPaused) {
      master.resume()
    } else {
      await master.start()
    }
    await engines.settled()
    await running.more(20)
    await running.check()
  })

  it('serves a slot while it moves', async () => {
    await engines.settled()
    const cluster = await connect(engines.nodes)
    const shard = 5
    const from = await engines.masterOf(slotOf(shard))
    const to = (await Promise.all(SLOTS_OF_SHARDS.map((slot) => engines.masterOf(slot)))).find(
      (node) => node !== from,
    ) as EngineNode
    const running = load(cluster, [shard])
    await running.more(10)
    await engines.moveSlot(slotOf(shard), to, () => running.more(10))
    await running.more(10)
    await running.check()
    expect(running.failures).toEqual([])
    expect(await engines.masterOf(slotOf(shard))).toBe(to)
  })

  it('wakes its listeners, also after another master has taken over', async () => {
    await engines.settled()
    const cluster = await connect(engines.nodes)
    const woken = new Set<number>()
    cluster.subscribe(channelOf, (shard) => woken.add(shard))
    await until('all shards are listened to', async () => woken.size === SHARDS)
    const master = await engines.masterOf(slotOf(0))
    await master.kill()
    await until(
      'a replica has taken over',
      async () => (await engines.masterOf(slotOf(0))) !== master,
    )
    await master.start()
    await engines.settled()
    woken.clear()
    await put(cluster, 0, 'z')
    await until('the change wakes', async () => woken.has(0))
  })
})

describe.skipIf(!haveValkey())('a single server', () => {
  it('serves without cluster mode, and without replicas', async () => {
    const engine = await startValkey(onTestFinished)
    const cluster = await connect([engine], { replicas: 0 })
    await Promise.all(SLOTS_OF_SHARDS.map((_, shard) => put(cluster, shard, 'a')))
    expect(await all(cluster, 3)).toEqual(new Set(['a']))
    await engine.kill()
    await expect(put(cluster, 3, 'b')).rejects.toThrow(StoreUnavailableError)
    await engine.start()
    await until('it serves again', async () => (await put(cluster, 3, 'b')) === 2)
  })

  it('takes an ACL user with a password', async () => {
    const engine = await startValkey(onTestFinished, {
      settings: { user: 'sessiond on >secret ~* &* +@all' },
    })
    const user = { user: 'sessiond', password: () => 'secret', replicas: 0 }
    expect(await put(await connect([engine], user), 0, 'a')).toBe(1)
    await expect(connect([engine], { ...user, password: () => 'wrong' })).rejects.toThrow(
      'WRONGPASS',
    )
  })
})

// The Valkey of the tests is built without TLS.
describe.skipIf(!isHere(REDIS))('an engine with TLS', () => {
  it('is believed if its certificate is signed by the authority that was given', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const authority = newAuthority()
    const { cert, key } = authority.issue()
    const files = { cert, key, ca: authority.cert }
    for (const [name, pem] of Object.entries(files)) {
      await writeFile(join(directory, name), pem)
    }
    const engine = await startValkey(onTestFinished, {
      program: REDIS.program,
      tls: { ca: authority.cert },
      settings: {
        'tls-cert-file': join(directory, 'cert'),
        'tls-key-file': join(directory, 'key'),
        'tls-ca-cert-file': join(directory, 'ca'),
        'tls-auth-clients': 'no',
      },
    })
    const trusting = (ca?: string) => ({ tls: () => createSecureContext({ ca }), replicas: 0 })
    expect(await put(await connect([engine], trusting(authority.cert)), 0, 'a')).toBe(1)
    await expect(connect([engine], trusting())).rejects.toThrow(/certificate/)
    const stranger = newAuthority().cert
    await expect(connect([engine], trusting(stranger))).rejects.toThrow(/certificate/)
  })
})
