import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
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
import { isKept, type MixedLoad, startMixedLoad } from './mixed-load.js'
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
import { FAULTS } from './valkey-faults.js'
import { serversOn } from './valkey-servers.js'
import { openValkeyStore } from './valkey-store.js'

const isLong = process.env.SESSIOND_TEST_LONG !== undefined
const NODE_TIMEOUT_MS = 1000
/** Once the cluster itself is whole again, servers must be too. A busy machine is slow, so only the long run asks. */
const BACK_MS = 2000
const CALLERS = 2
const CONTENDERS = 6
const sameIds = (ids: ReadonlySet<string>, listed: ReadonlyMap<string, unknown>) =>
  ids.size === listed.size && [...ids].every((id) => listed.has(id))
const SLOTS = slotsOfShards(DEFAULT_SHARDS)

/** Breaks a cluster under load of every kind, each time in `rounds` other moments, and holds the servers to what they said. */
export function faultRounds(rounds: number): void {
  describe.skipIf(!haveValkey())('two servers on a cluster, under load of every kind', () => {
    let cluster: EngineCluster
    let servers: ServerProcess[]
    let watches: SessionWatch[]
    let restart: (index: number) => Promise<ServerProcess>
    /** Reads what the servers have written. */
    let store: ValkeyStore
    const loads: MixedLoad[] = []

    const atEnd = suiteEnd()
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

    const callers = async () => {
      const acts = await Promise.all(servers.map(({ ready }) => connectActs(ready.seneca[0] ?? '')))
      return {
        acts,
        close: () => {
          for (const client of acts) {
            client.close()
          }
        },
      }
    }

    /** Ids of the open sessions of all users; of each place that a command opened, one. */
    async function openSessions(): Promise<Set<string>> {
      const ids = new Set<string>()
      const places = new Map<string, string>()
      for (let skip = 0, total = 1; skip < total; ) {
        const page = await store.list({ skip, take: 1000, total: true, active: true })
        total = page.total as number
        skip += page.sessions.length
        for (const { id, userId, address, client, token } of page.sessions) {
          ids.add(id)
          if (token === null) {
            const place = JSON.stringify([userId, address, client])
            expect(places.get(place) ?? id, `opened twice: ${place}`).toBe(id)
            places.set(place, id)
          }
        }
      }
      return ids
    }

    async function expectAllKept({ creates, sessions }: MixedLoad): Promise<void> {
      for (const { answer } of creates) {
        if (answer !== undefined) {
          expect(await store.get(answer.id), answer.id).toMatchObject({ active: true })
          expect(await store.seal(answer.id), answer.id).toBeDefined()
        }
      }
      for (const known of sessions) {
        const session = await store.get(known.id)
        const found = session && {
          active: session.active,
          data: session.active ? session.data : null,
        }
        if (!isKept(known, found ?? 'deleted')) {
          throw new Error(`acknowledged: ${JSON.stringify(known)}, found: ${JSON.stringify(found)}`)
        }
      }
    }

    /** Sends each request again, to a server that may not be the first: there is one session for each. */
    async function repeat({ creates }: MixedLoad, server: ServerProcess): Promise<void> {
      const client = createClient(server.ready.grpc)
      const byUser = new Map<string, Set<string>>()
      for (const { userId, request, answer } of creates) {
        let id = ''
        // A busy machine may be too slow for the engine's timeout.
        await until('it is answered again', async () => {
          id = (await client.create(request)).id
          return true
        })
        expect(answer?.id ?? id).toBe(id)
        byUser.set(userId, (byUser.get(userId) ?? new Set()).add(id))
      }
      client.close()
      for (const [userId, ids] of byUser) {
        const found = new Set<string>()
        for await (const slice of store.walkSessions(userId)) {
          for (const { id } of slice) {
            found.add(id)
          }
        }
        expect(found).toEqual(ids)
      }
    }

    const numbers = Array.from({ length: rounds }, (_, i) => i + 1)
    it.each(
      FAULTS.flatMap((fault) => numbers.map((round) => ({ round, fault, name: fault.name }))),
    )('lose nothing when $name, and open nothing twice ($round)', async ({ round, fault }) => {
      await cluster.settled()
      const refusals: (() => void)[] = []
      const startLoads = () =>
        Promise.all(
          servers.map(({ ready }) =>
            startMixedLoad({
              grpc: ready.grpc,
              seneca: ready.seneca[0] as string,
              callers: CALLERS,
              pauseMs: 2,
              mayFail: (code) => {
                for (const resolve of refusals.splice(0)) {
                  resolve()
                }
                return code === 'STORE_UNAVAILABLE' || code === undefined
              },
            }),
          ),
        )
      const { acts, close } = await callers()
      onTestFinished(close)
      const running = await startLoads()
      const contention = startContention(acts, `contended ${fault.name} ${round}`, CONTENDERS)
      await Promise.all(running.map((load) => load.answered(40)))

      await fault.strike({
        cluster,
        slot: SLOTS[(round * 67 + FAULTS.indexOf(fault) * 29) % SLOTS.length] as number,
        refused: () => new Promise((resolve) => refusals.push(resolve)),
        async replaceServer() {
          const index = round % 2
          await servers[index]?.stop('SIGKILL')
          servers[index] = await restart(index)
          return servers[index]
        },
      })
      await cluster.settled()
      const wholeAtMs = performance.now()
      await serving()
      const backMs = performance.now() - wholeAtMs
      if (isLong) {
        expect(backMs).toBeLessThan(BACK_MS)
      }

      const again = await startLoads()
      await Promise.all(again.map((load) => load.answered(40)))
      const all = [...running, ...again]
      await Promise.all(all.map((load) => load.stop()))
      expect(await contention.stop()).toEqual([])
      loads.push(...all)
      for (const [i, load] of all.entries()) {
        await repeat(load, servers[i % 2] as ServerProcess)
        await expectAllKept(load)
      }
      const open = await openSessions()
      for (const watch of watches) {
        await until('a viewer sees them', async () => sameIds(open, watch.sessions))
      }
    })

    /** Resolves once every server takes a write in a shard of every master. */
    async function serving(): Promise<void> {
      const { acts, close } = await callers()
      const places = Array.from({ length: 24 }, (_, i) => ({
        ...{ user_id: `probe ${i}`, address: 'probe', client: 'probe' },
      }))
      await Promise.all(
        acts.flatMap((client) =>
          places.map((place) =>
            until('it serves', async () => (await client.act('open_session', place)) !== null),
          ),
        ),
      )
      close()
    }

    it('acknowledge no session that no replica has, which is wholly there or not at all once its master is dead', async () => {
      await cluster.settled()
      const signer = newOwner()
      const userId = ownerText(signer.publicKey)
      const request = createRequest({ signer, xHeaders: { 'idempotency-key': 'unconfirmed' } })
      const slot = SLOTS[new Shards(DEFAULT_SHARDS).ofUser(userId)] as number
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
      await serving()
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
      await Promise.all(loads.map(expectAllKept))
      const ends = await Promise.all(servers.map((server) => server.stop()))
      expect(ends.map(({ code }) => code)).toEqual([0, 0])
      expect(await auditValkey(cluster.addresses, DEFAULT_SHARDS)).toEqual([])
    })
  })
}
