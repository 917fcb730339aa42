import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { SessionChange } from '../../../../../src/core/events.js'
import { openStoreCluster } from '../../../../../src/stores/valkey/open.js'
import { ValkeyStore } from '../../../../../src/stores/valkey/store.js'
import { commandSession, EPOCHS, insert } from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

/** Keeps what an engine has. Call the result to make it lose everything since. */
async function keep(node: EngineNode): Promise<() => Promise<void>> {
  for (const key of (await node.call('KEYS', '*')) as string[]) {
    await node.call('COPY', key, key, 'DB', 1)
  }
  return async () => {
    await node.call('SWAPDB', 0, 1)
  }
}

describe.skipIf(!haveValkey())('a replica that takes over without the last writes', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  it('makes listeners read again, and hear of what then becomes of sessions that they knew later', async () => {
    const { cluster, info } = await openStoreCluster(engineSettings(node.address), EPOCHS, '')
    let promote = () => {}
    let beforeLook: (() => Promise<unknown>) | undefined
    let afterLook = async () => {}
    const late = await ValkeyStore.over(
      {
        ...cluster,
        subscribe(channelOf, onWake, onNewMaster = () => {}) {
          promote = onNewMaster
          return cluster.subscribe(channelOf, onWake)
        },
        async read(...call) {
          const before = beforeLook
          beforeLook = undefined
          await before?.()
          const reply = await cluster.read(...call)
          await (before && afterLook())
          return reply
        },
      },
      info,
    )
    const other = await openValkeyStore(node.address)
    onTestFinished(async () => {
      await late.close()
      await other.close()
    })
    const heard: SessionChange['after'][] = []
    let missed = 0
    late.subscribe(
      ({ after }) => heard.push(after),
      () => missed++,
    )
    const touch = (requestTimeMs: number) =>
      other.update('1', (session) => ({ session: { ...session, requestTimeMs } }))
    await insert(other, commandSession('1'))
    await vi.waitFor(() => expect(heard).toHaveLength(1), 5000)
    // When this server looks for what the event tells of, there is more, of which it has no event yet. That is then lost.
    beforeLook = async () => {
      afterLook = await keep(node)
      await touch(3000)
      await touch(4000)
    }
    await touch(2000)
    await vi.waitFor(() => expect(heard.at(-1)?.requestTimeMs).toBe(4000), 5000)
    expect(await other.get('1')).toMatchObject({ requestTimeMs: 2000 })
    expect(missed).toBe(0)
    promote()
    expect(missed).toBe(1)
    await touch(5000)
    await vi.waitFor(() => expect(heard.at(-1)?.requestTimeMs).toBe(5000), 5000)
    expect(missed).toBe(1)
  })
})
