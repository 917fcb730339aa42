import { randomBytes } from 'node:crypto'
import { uuidText, uuidV4Bytes } from '../../dist/core/uuid.js'
import { openCluster } from '../../dist/stores/valkey/connection/cluster.js'
import { Functions } from '../../dist/stores/valkey/functions/functions.js'
import { LIBRARY } from '../../dist/stores/valkey/functions/library.js'
import { DEFAULT_SHARDS, idBitsOf, Shards } from '../../dist/stores/valkey/layout/shards.js'
import { NO_VERSION, versionAfter } from '../../dist/stores/valkey/layout/values.js'
import { changeWrites, insertWrites } from '../../dist/stores/valkey/layout/writes.js'
import { kept } from '../../dist/stores/valkey/write/commit.js'
import { EPOCHS, makeUsers, sessionAt } from '../store/sessions.js'

/** Committed at a time. */
const SLICE = 5000
const PROGRESS_EVERY = 100_000

/** Adds the sessions of `sessionAt` to the store in an engine that no server uses: what inserts would write, without events. */
export async function fill(port, count, report) {
  const cluster = await openCluster({
    seeds: [{ host: '127.0.0.1', port }],
    ...{ nat: new Map(), user: null, password: () => null, tls: null },
    ...{ timeoutMs: 60_000, replicas: 0, shards: DEFAULT_SHARDS, library: LIBRARY.source },
  })
  const functions = new Functions(cluster)
  const shards = new Shards(DEFAULT_SHARDS)
  const users = makeUsers(count)
  const nowMs = Date.now()
  try {
    for (let from = 0; from < count; from += SLICE) {
      /** @type {Map<number, import('../../dist/stores/valkey/functions/call.js').Write[]>} */
      const byShard = new Map()
      for (let i = from; i < Math.min(from + SLICE, count); i++) {
        const { scope, decision } = sessionAt(i, count, users, nowMs)
        const { insert } = decision
        // As a server makes them for this store.
        const id = uuidText(
          uuidV4Bytes(randomBytes(16), { at: 'version', bits: idBitsOf(scope.userId) }),
        )
        const session = kept({ ...insert.session, id })
        const shard = shards.ofUser(scope.userId)
        const keys = shards.keysOf(shard)
        const change = { before: null, after: session }
        const { writes } = changeWrites(keys, change, versionAfter(NO_VERSION), EPOCHS)
        const all = byShard.get(shard) ?? []
        all.push(...writes.filter(([op]) => op !== 'EVENT'))
        all.push(...insertWrites(keys, { ...insert, session }, scope.idempotency))
        byShard.set(shard, all)
      }
      await Promise.all([...byShard].map(([shard, writes]) => functions.commit(shard, [], writes)))
      if ((from + SLICE) % PROGRESS_EVERY === 0) {
        report(`${from + SLICE} of ${count} sessions`)
      }
    }
  } finally {
    await cluster.close()
  }
}
