import { expect, it, onTestFinished } from 'vitest'
import type { Cluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { ValkeyStore } from '../../../../../src/stores/valkey/store.js'
import { commandSession, EPOCHS, ended, insert } from '../../../../support/store-sessions.js'
import { haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

const SHARDS = 16

it.skipIf(!haveValkey())(
  'a page of all has no gap where a session of it ends while it is read',
  async () => {
    const { address } = await startValkey(onTestFinished)
    const writer = await openValkeyStore(address)
    onTestFinished(() => writer.close())
    const at = (userId: string, requestTimeMs: number) =>
      insert(
        writer,
        commandSession(`${userId} ${requestTimeMs}`, {
          ...{ userId, requestTimeMs, address: `${requestTimeMs}` },
        }),
      )
    for (const requestTimeMs of [504, 503, 502, 501]) {
      await at('bob', requestTimeMs)
    }
    await at('alice', 1000)
    await at('alice', 1)

    const { cluster, info } = await openStoreCluster(engineSettings(address), EPOCHS, address)
    let reads = Number.NEGATIVE_INFINITY
    let change: Promise<unknown> | undefined
    const watched: Cluster = {
      ...cluster,
      async read(...call) {
        // Every shard has told where its sessions stand.
        if (++reads > SHARDS) {
          change ??= writer.update('alice 1000', (current) => ({ session: ended(current) }))
          await change
        }
        return cluster.read(...call)
      },
    }
    const reader = await ValkeyStore.over(watched, info)
    onTestFinished(() => reader.close())
    reads = 0
    const page = await reader.list({ active: true, skip: 0, take: 3, total: false })
    expect(page.sessions.map(({ id }) => id)).toEqual(['bob 504', 'bob 503', 'bob 502'])
  },
)
