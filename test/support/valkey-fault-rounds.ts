import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { type SessionWatch, watchSessions } from '../../src/client/watch.js'
import { ownerText } from '../../src/core/owner-text.js'
import { slotsOfShards } from '../../src/stores/valkey/connection/slots.js'
import { DEFAULT_SHARDS, Shards } from '../../src/stores/valkey/layout/shards.js'
import type { ValkeyStore } from '../../src/stores/valkey/store.js'
import { connectActs } from './acts.js'
import { startContention } from './contention.js'
import { createClient, createRequest, newOwner } from './create.js'
import { freeAddress } from './free-port.mjs'
import { type MixedLoad, startMixedLoad } from './mixed-load.js'
import type { ServerProcess } from './process.js'
import { suiteEnd } from './suite-end.js'
import { auditValkey } from './valkey-audit.js'
import {
  type EngineCluster,
  type EngineNode,
  haveValkey,
  startValkeyCluster,
  until,
} from './valkey-cluster.js'
import {
  expectKept,
  expectListed,
  expectOneForEach,
  openSessions,
  untilServing,
} from './valkey-fault-proofs.js'
import { FAULTS, type Fault } from './valkey-faults.js'
import { serversOn } from './valkey-servers.js'
import { openValkeyStore } from './valkey-store.js'

const isLong = process.env.SESSIOND_TEST_LONG !== undefined
/** What a long run says of each round, as it goes. */
const LOG = '.cache/valkey-faults.log'
const LOG_LINES = 40
const NODE_TIMEOUT_MS = 1000
/** Once the cluster itself is whole again, servers must be too. A busy machine is slow, so only the long run asks. */
const BACK_MS = 2000
/** How often the cluster is looked at meanwhile. */
const LOOK_MS = 100
const CALLERS = 2
const PAUSE_MS = 10
const CONTENDERS = 6
/** Sessions become more from round to round, and then rounds become slower: later ones have another cluster. */
const MOST_ROUNDS = 10
const SLOTS = slotsOfShards(DEFAULT_SHARDS)

/** Breaks clusters under load of every kind, each time in `rounds` other moments, and holds the servers to what they said. */
export function faultRounds(rounds: number): void {
  for (let from = 1; from <= rounds; from += MOST_ROUNDS) {
    const to = Math.min(rounds, from + MOST_ROUNDS - 1)
    const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    const title = `two servers on a cluster, under load of every kind, in rounds ${from} to ${to}`
    describe.skipIf(!haveValkey())(title, () => suite(numbers))
  }
}

function suite(numbers: readonly number[]): void {
  let cluster: EngineCluster
  let servers: ServerProcess[]
  let watches: SessionWatch[]
  let restart: (index: number) => Promise<ServerProcess>
  /** Reads what the servers have written. */
  let store: ValkeyStore
  const loads: MixedLoad[] = []
  let hasFailed = false

  const atEnd = suiteEnd()
  // What one round leaves wrong, each later one would wait for in vain.
  beforeEach(({ skip }) => skip(hasFailed, 'an earlier round failed'))
  afterEach(({ task }) => {
    hasFailed ||= task.result?.state === 'fail'
  })
  beforeAll(async () => {
    cluster = await startValkeyCluster(atEnd, { nodeTimeoutMs: NODE_TIMEOUT_MS })
    const start = await serversOn(cluster, atEnd)
    const https = [await freeAddress(), await freeAddress()]
    restart = (index) =>
      start(`${index}`, [
        ...['--max-sessions-per-owner', '0', '--feed-max-sessions', '1000000'],
        ...['--http', https[index] as string],
      ])
    servers = [await restart(0), await restart(1)]
    watches = servers.map(({ ready }) =>
      watchSessions(`${ready.http.replace('http', 'ws')}/session-list`, { WebSocket }),
    )
    store = await openValkeyStore(cluster.addresses, { shards: DEFAULT_SHARDS, replicas: 1 })
    atEnd(async () => {
      for (const watch of watches) {
        watch.close()
      }
      await store.close()
    })
  })

  /** Until the test ends. */
  async function connectAll() {
    const acts = await Promise.all(servers.map(({ ready }) => connectActs(ready.seneca[0] ?? '')))
    onTestFinished(() => {
      for (const client of acts) {
        client.close()
      }
    })
    return acts
  }

  /** Until the test ends. `onRefusal`: a server refused something. */
  async function startLoads(onRefusal = () => {}) {
    const started = await Promise.all(
      servers.map(({ ready }) =>
        startMixedLoad({
          grpc: ready.grpc,
          seneca: ready.seneca[0] as string,
          callers: CALLERS,
          pauseMs: PAUSE_MS,
          mayFail: (code) => {
            onRefusal()
            return code === 'STORE_UNAVAILABLE' || code === undefined
          },
        }),
      ),
    )
    onTestFinished(async () => {
      await Promise.all(started.map((load) => load.stop()))
    })
    await Promise.all(started.map((load) => load.answered(40)))
    return started
  }

  /** Returns how many milliseconds servers took once the cluster was whole, and what they said until then. */
  async function strike(fault: Fault, round: number, refused: () => Promise<void>) {
    const shard = (round * 67 + FAULTS.indexOf(fault) * 29) % DEFAULT_SHARDS
    await fault.strike({
      cluster,
      refused,
      slot: SLOTS[shard] as number,
      async replaceServer() {
        const index = round % 2
        await servers[index]?.stop('SIGKILL')
        servers[index] = await restart(index)
        return servers[index]
      },
    })
    const acts = await connectAll()
    const whole = await watchWhole()
    const refusals = await untilServing(acts, `${fault.name} ${round}`, shard)
    const backMs = Math.round(performance.now() - whole.sinceMs)
    await whole.stop()
    if (isLong) {
      const told = [`${backMs} ms`, ...refusals, ...(backMs < BACK_MS ? [] : logs())].join('\n  ')
      const again = whole.failures === 0 ? '' : `, ${whole.failures} times not whole again`
      const name = `${fault.name} (${round}), load ${loadavg()[0]?.toFixed(1)}${again}`
      mkdirSync(dirname(LOG), { recursive: true })
      appendFileSync(LOG, `${new Date().toISOString()} ${name}: ${told}\n`)
    }
    return { backMs, refusals }
  }

  /**
   * Waits until the cluster is whole, and notes from then on since when it is: on a busy machine it takes a master that is alive for
   * dead, which is its own failover once more.
   */
  async function watchWhole() {
    await cluster.settled()
    const seen = { sinceMs: performance.now(), failures: 0 }
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        if (!(await cluster.isWhole().catch(() => false))) {
          await cluster.settled()
          seen.sinceMs = performance.now()
          seen.failures++
        }
        await sleep(LOOK_MS)
      }
    })()
    return Object.assign(seen, {
      stop: () => {
        isOver = true
        return watching
      },
    })
  }

  /** The last lines of the logs of all engines. */
  const logs = () =>
    cluster.nodes.flatMap(({ address, directory }) => [
      address,
      ...readFileSync(join(directory, 'log'), 'utf8').split('\n').slice(-LOG_LINES),
    ])

  it.each(numbers.flatMap((round) => FAULTS.map((fault) => ({ round, fault, name: fault.name }))))(
    'lose nothing when $name, and open nothing twice ($round)',
    async ({ round, fault }) => {
      await cluster.settled()
      const waiting: (() => void)[] = []
      const running = await startLoads(() => {
        for (const resolve of waiting.splice(0)) {
          resolve()
        }
      })
      const contended = `contended ${fault.name} ${round}`
      const contention = startContention(await connectAll(), contended, CONTENDERS)
      let disorders: ReturnType<typeof contention.stop> | undefined
      const stopContention = () => {
        disorders ??= contention.stop()
        return disorders
      }
      onTestFinished(async () => void (await stopContention()))

      const refused = () => new Promise<void>((resolve) => waiting.push(resolve))
      const { backMs, refusals } = await strike(fault, round, refused)

      const all = [...running, ...(await startLoads())]
      await Promise.all(all.map((load) => load.stop()))
      loads.push(...all)
      expect(await stopContention()).toEqual([])
      const grpc = (i: number) => servers[i % 2]?.ready.grpc ?? ''
      await Promise.all(all.map((load, i) => expectOneForEach(store, load, grpc(i))))
      await Promise.all(all.map((load) => expectKept(store, load)))
      const open = await openSessions(store)
      await Promise.all(watches.map((watch, i) => expectListed(open, watch, `server ${i}`)))
      if (isLong) {
        expect(backMs, `they said ${[...refusals].join(', ')}`).toBeLessThan(BACK_MS)
      }
    },
  )

  it('acknowledge no session that no replica has, which is wholly there or not at all once its master is dead', async () => {
    await cluster.settled()
    const signer = newOwner()
    const userId = ownerText(signer.publicKey)
    const request = createRequest({ signer, xHeaders: { 'idempotency-key': 'unconfirmed' } })
    const shard = new Shards(DEFAULT_SHARDS).ofUser(userId)
    const slot = SLOTS[shard] as number
    const [master, replica] = (await cluster.nodesOf(slot)) as [EngineNode, EngineNode]
    const client = createClient(servers[0]?.ready.grpc ?? '')
    onTestFinished(() => client.close())
    replica.pause()
    await expect(client.create(request)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' })
    await master.kill()
    replica.resume()
    await until('the replica has taken over', async () => {
      return (await cluster.masterOf(slot)) === replica
    })
    await master.start()
    await cluster.settled()
    await untilServing(await connectAll(), 'unconfirmed', shard)
    const found = []
    for await (const slice of store.walkSessions(userId)) {
      found.push(...slice)
    }
    const { id } = await client.create(request)
    expect(found.map((session) => session.id)).toEqual(found.length === 0 ? [] : [id])
    expect(await store.seal(id)).toBeDefined()
    expect((await store.list({ userId, skip: 0, take: 10, total: true })).total).toBe(1)
  })

  it('have all of it in the end, in rows that agree with each other', async () => {
    await cluster.settled()
    await Promise.all(loads.map((load) => expectKept(store, load)))
    const ends = await Promise.all(servers.map((server) => server.stop()))
    expect(ends.map(({ code }) => code)).toEqual([0, 0])
    expect(await auditValkey(cluster.addresses, DEFAULT_SHARDS)).toEqual([])
  })
}
