import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { ownerText } from '../../src/core/owner-text.js'
import { slotOf, slotsOfShards } from '../../src/stores/valkey/connection/slots.js'
import { DEFAULT_SHARDS, Shards } from '../../src/stores/valkey/layout/shards.js'
import { type ActClient, connectActs } from '../support/acts.js'
import { createClient, createRequest, newOwner } from '../support/create.js'
import type { ServerProcess } from '../support/process.js'
import { readMetrics } from '../support/prometheus.js'
import { suiteEnd } from '../support/suite-end.js'
import { auditValkey } from '../support/valkey-audit.js'
import {
  type EngineCluster,
  type EngineNode,
  haveValkey,
  startValkeyCluster,
  until,
} from '../support/valkey-cluster.js'
import { serversOn } from '../support/valkey-servers.js'

const ROUNDS = 50
const CALLS = 200

describe.skipIf(!haveValkey())('servers that share a cluster', () => {
  let cluster: EngineCluster
  let startOne: (name: string) => Promise<ServerProcess>
  let servers: readonly ServerProcess[]
  /** Of each server. */
  let acts: readonly ActClient[]

  const sessionsOf = (server: ServerProcess) => {
    const connection = connect(server.ready.grpc, { serverKeys: 'any' })
    onTestFinished(() => connection.close())
    return new SessionsClient(connection)
  }

  const atEnd = suiteEnd()
  beforeAll(async () => {
    cluster = await startValkeyCluster(atEnd)
    startOne = await serversOn(cluster, atEnd)
    servers = [await startOne('one'), await startOne('other')]
    acts = await Promise.all(servers.map(({ ready }) => connectActs(ready.seneca[0] ?? '')))
    atEnd(async () => {
      for (const client of acts) {
        client.close()
      }
      const ends = await Promise.all(servers.map((server) => server.stop()))
      expect(ends).toEqual([
        expect.objectContaining({ code: 0 }),
        expect.objectContaining({ code: 0 }),
      ])
      expect(await auditValkey(cluster.addresses, DEFAULT_SHARDS)).toEqual([])
    })
  })

  const [ONE, OTHER] = [0, 1] as const
  const place = { address: '192.0.2.1', client: 'browser' }

  it.for<[string, (userId: string) => Promise<{ id: string; userId: string }>]>([
    [
      'Create',
      async () => {
        const signer = newOwner()
        const client = createClient(servers[ONE]?.ready.grpc ?? '')
        onTestFinished(() => client.close())
        const { id } = await client.create(createRequest({ signer }))
        return { id, userId: ownerText(signer.publicKey) }
      },
    ],
    [
      'open_session of the older dialect',
      async (userId) => {
        const opened = await acts[ONE]?.act('open_session', { user: { id: userId }, ...place })
        return { id: (opened as { id: string }).id, userId }
      },
    ],
    [
      'open_session of the newer dialect',
      async (userId) => {
        const opened = await acts[ONE]?.act('open_session', { user_id: userId, ...place })
        return { id: (opened as { id: string }).id, userId }
      },
    ],
    [
      'the SDK',
      async (userId) => {
        const session = await sessionsOf(servers[ONE] as ServerProcess).open({ userId, ...place })
        return { id: session.id, userId }
      },
    ],
  ])(
    'a session made through one by %s is at once readable, closable and listed through the other',
    async ([name, open]) => {
      const { id, userId } = await open(`a user of ${name}`)
      const other = sessionsOf(servers[OTHER] as ServerProcess)
      expect(await other.get(id)).toMatchObject({ id, userId, active: true })
      const isOne = { data: [expect.objectContaining({ id })] }
      expect(
        await acts[OTHER]?.act('get_sessions', { filter: { user_id: userId, active: true } }),
      ).toMatchObject(isOne)
      expect((await other.list({ take: 100 })).sessions.map((session) => session.id)).toContain(id)
      expect(await acts[OTHER]?.act('close_session', { session_id: id })).toMatchObject({
        active: false,
      })
      expect(await sessionsOf(servers[ONE] as ServerProcess).get(id)).toMatchObject({
        active: false,
      })
      expect(
        await acts[ONE]?.act('get_sessions', { filter: { user_id: userId, active: true } }),
      ).toMatchObject({ data: [] })
    },
  )

  it(`open one session per user, address and client for ${CALLS} calls at once, ${ROUNDS} times over`, {
    timeout: 300_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const where = { user_id: `user of round ${round}`, ...place }
      const opened = await Promise.all(
        Array.from({ length: CALLS }, (_, i) => acts[i % 2]?.act('open_session', where)),
      )
      expect(new Set(opened.map((session) => (session as { id: string }).id)).size).toBe(1)
      const { total } = await sessionsOf(servers[OTHER] as ServerProcess).list({
        userId: where.user_id,
        total: true,
      })
      expect(total).toBe(1)
    }
  })

  it('open one session for one idempotency key, also if the first is killed between commit and answer', async () => {
    const signer = newOwner()
    const userId = ownerText(signer.publicKey)
    const request = createRequest({ signer, xHeaders: { 'idempotency-key': 'once' } })
    const shards = new Shards(DEFAULT_SHARDS)
    const slot = slotOf(shards.keysOf(shards.ofUser(userId)).deadlines)
    const [, replica] = await cluster.nodesOf(slot)
    const killed = await startOne('killed')
    const first = createClient(killed.ready.grpc)
    onTestFinished(() => first.close())
    // Without its replica the master commits, and the answer waits.
    replica?.pause()
    onTestFinished(() => replica?.resume())
    const unanswered = expect(first.create(request)).rejects.toThrow()
    const other = sessionsOf(servers[OTHER] as ServerProcess)
    let committed: string | undefined
    await until('the session is committed', async () => {
      committed = (await other.list({ userId })).sessions[0]?.id
      return committed !== undefined
    })
    await killed.stop('SIGKILL')
    await unanswered
    replica?.resume()
    const second = createClient(servers[OTHER]?.ready.grpc ?? '')
    onTestFinished(() => second.close())
    expect((await second.create(request)).id).toBe(committed)
    expect((await other.list({ userId, total: true })).total).toBe(1)
  })

  it('tell in their metrics how the engine serves them, and how late they hear of each shard', async () => {
    const where = { user_id: 'a measured user', ...place }
    await acts[ONE]?.act('open_session', where)
    const metrics = async () =>
      readMetrics(await (await fetch(`${servers[ONE]?.ready.http}/metrics`)).text())
    const value = async (series: string) => {
      const family = series.replace(/_count$/, '')
      return (await metrics()).get(family)?.samples.get(series) ?? 0
    }
    for (const name of ['round_trip', 'replica_wait', 'commit']) {
      expect(await value(`sessiond_store_${name}_duration_seconds_count`)).toBeGreaterThan(0)
    }
    const lags = (await metrics()).get('sessiond_store_event_lag_seconds')?.samples
    expect(lags?.size).toBe(DEFAULT_SHARDS)

    const shard = new Shards(DEFAULT_SHARDS).ofUser(where.user_id)
    const slot = slotsOfShards(DEFAULT_SHARDS)[shard] as number
    const from = await cluster.masterOf(slot)
    const other = await Promise.all([0, 8000, 16_000].map((at) => cluster.masterOf(at)))
    const retries = await value('sessiond_store_retries_total')
    const to = other.find((one) => one !== from) as EngineNode
    await cluster.moveSlot(slot, to, async () => {
      // A part of its keys would be here, and another one there.
      acts[ONE]?.act('open_session', { ...where, address: 'another' }).catch(() => {})
      await until('a call is sent again', async () => {
        return (await value('sessiond_store_retries_total')) > retries
      })
    })
  })

  it('open one session for one idempotency key where many calls come at once', async () => {
    const clients = servers.map(({ ready }) => createClient(ready.grpc))
    onTestFinished(() => {
      for (const client of clients) {
        client.close()
      }
    })
    for (let round = 0; round < 10; round++) {
      const signer = newOwner()
      const request = createRequest({ signer, xHeaders: { 'idempotency-key': `${round}` } })
      const created = await Promise.all(
        Array.from({ length: 20 }, (_, i) => clients[i % 2]?.create(request)),
      )
      expect(new Set(created.map((session) => session?.id)).size).toBe(1)
    }
  })
})
