import { expect } from 'vitest'
import type { SessionWatch } from '../../src/client/watch.js'
import type { ListPlace } from '../../src/core/store-lists.js'
import { DEFAULT_SHARDS, Shards } from '../../src/stores/valkey/layout/shards.js'
import type { ValkeyStore } from '../../src/stores/valkey/store.js'
import type { ActClient } from './acts.js'
import { createClient } from './create.js'
import { isKept, type MixedLoad } from './mixed-load.js'
import { until } from './valkey-cluster.js'

const AT_ONCE = 16
const PAGE = 5000
/** Of sessions that a list has wrong. */
const MOST_NAMED = 5
/** Of so many users some are on every master. */
const PROBES = 24
const SHARDS = new Shards(DEFAULT_SHARDS)

/** Every acknowledged session is there, as it was left. */
export async function expectKept(
  store: ValkeyStore,
  { creates, sessions }: MixedLoad,
): Promise<void> {
  await forAll(creates, async ({ answer }) => {
    if (answer !== undefined) {
      expect(await store.get(answer.id), answer.id).toMatchObject({ active: true })
      expect(await store.seal(answer.id), answer.id).toBeDefined()
    }
  })
  await forAll(sessions, async (known) => {
    const session = await store.get(known.id)
    const found = session && { active: session.active, data: session.active ? session.data : null }
    if (!isKept(known, found ?? 'deleted')) {
      throw new Error(`acknowledged: ${JSON.stringify(known)}, found: ${JSON.stringify(found)}`)
    }
  })
}

/** Sends each Create again, to a server that may not be the first: there is one session for each. */
export async function expectOneForEach(
  store: ValkeyStore,
  { creates }: MixedLoad,
  grpc: string,
): Promise<void> {
  const client = createClient(grpc)
  const byUser = new Map<string, Set<string>>()
  await forAll(creates, async ({ userId, request, answer }) => {
    let id = ''
    // A busy machine may be too slow for the engine's timeout.
    await until('it is answered again', async () => {
      id = (await client.create(request)).id
      return true
    })
    expect(answer?.id ?? id).toBe(id)
    byUser.set(userId, (byUser.get(userId) ?? new Set()).add(id))
  })
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

/** Ids of the open sessions of all users; of each place that a command opened, one. */
export async function openSessions(store: ValkeyStore): Promise<Set<string>> {
  const ids = new Set<string>()
  const places = new Map<string, string>()
  let after: ListPlace | null = null
  do {
    const part: Awaited<ReturnType<ValkeyStore['listAfter']>> = await store.listAfter({
      ...{ after, active: true, oldestFirst: false, limit: PAGE },
    })
    for (const { id, userId, address, client, token } of part.sessions) {
      ids.add(id)
      if (token === null) {
        const place = JSON.stringify([userId, address, client])
        expect(places.get(place) ?? id, `opened twice: ${place}`).toBe(id)
        places.set(place, id)
      }
    }
    after = part.next
  } while (after !== null)
  return ids
}

/** Resolves once the list of this server has exactly these sessions. */
export function expectListed(
  open: ReadonlySet<string>,
  { sessions }: SessionWatch,
  server: string,
): Promise<void> {
  return until(`a viewer of ${server} sees what is open`, async () => {
    const lacking = [...open].filter((id) => !sessions.has(id))
    const ended = [...sessions.keys()].filter((id) => !open.has(id))
    if (lacking.length + ended.length > 0) {
      throw new Error(`it lacks ${named(lacking)}, and still has ${named(ended)}`)
    }
    return true
  })
}

/** The first of these ids, and how many there are. */
function named(ids: readonly string[]): string {
  return [...ids.slice(0, MOST_NAMED), `${ids.length} in all`].join(', ')
}

/**
 * Resolves once every server has taken a write in the shard, and in shards of every master, with what they said before. `name`:
 * of no earlier call.
 */
export async function untilServing(
  servers: readonly ActClient[],
  name: string,
  shard: number,
): Promise<ReadonlySet<string>> {
  const refusals = new Set<string>()
  const users = Array.from({ length: PROBES }, (_, i) => `probe ${name} ${i}`)
  const ofShard = (number: number) => `probe ${name} of the shard ${number}`
  let number = 0
  while (SHARDS.ofUser(ofShard(number)) !== shard) {
    number++
  }
  await Promise.all(
    servers.flatMap((server, i) =>
      [...users, ofShard(number)].map((user_id) => {
        const place = { user_id, address: `server ${i}`, client: 'probe' }
        return until('it serves', async () => {
          await server.act('open_session', place).catch((error) => {
            refusals.add(`${error}`)
            throw error
          })
          return true
        })
      }),
    ),
  )
  return refusals
}

async function forAll<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const work = async () => {
    for (const item of left) {
      await task(item)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
