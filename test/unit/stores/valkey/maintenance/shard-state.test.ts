import { expect, it, onTestFinished } from 'vitest'
import { Functions } from '../../../../../src/stores/valkey/functions/functions.js'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import { readShard } from '../../../../../src/stores/valkey/maintenance/shard-state.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { commandSession, EPOCHS, insert } from '../../../../support/store-sessions.js'
import { haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

/** Several steps of a walk. */
const SESSIONS = 2000
/** In each step: a stream keeps those of two or three. */
const CHANGES = 400

it.skipIf(!haveValkey())(
  'a shard is read at one moment also where its stream does not keep all that changes meanwhile',
  async () => {
    const node = await startValkey(onTestFinished)
    const store = await openValkeyStore(node.address)
    onTestFinished(() => store.close())
    const ids = Array.from({ length: SESSIONS }, (_, i) => `session ${i}`)
    await Promise.all(ids.map((id) => insert(store, commandSession(id), { sweepAtMs: 5000 })))
    const { cluster } = await openStoreCluster(engineSettings(node.address), EPOCHS, '')
    onTestFinished(() => cluster.close())
    const shards = new Shards(cluster.shards)
    const shard = shards.ofUser('alice')
    let requestTimeMs = 2000
    const touchSome = async () => {
      requestTimeMs++
      await Promise.all(
        ids
          .slice(0, CHANGES)
          .map((id) => store.update(id, (session) => ({ session: { ...session, requestTimeMs } }))),
      )
    }
    const functions = new Functions({
      ...cluster,
      async read(...call) {
        const reply = await cluster.read(...call)
        if (call[1].endsWith('_scan')) {
          await touchSome()
        }
        return reply
      },
    })
    const { sessions } = await readShard({ shards, functions }, shard, 1)
    expect(sessions.size).toBe(SESSIONS)
  },
)
