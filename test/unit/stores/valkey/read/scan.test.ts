import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { insert, tokenSession } from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { openValkeyStore } from '../../../../support/valkey-store.js'

/** More than the engine gives in one step of its own walk. */
const COUNT = 2000

describe.skipIf(!haveValkey())('a walk over all of a shard', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  it('misses nothing where another process of the engine goes on with it', async () => {
    const store = await openValkeyStore(node.address, { timeoutMs: 60_000 })
    onTestFinished(() => store.close())
    const ids = Array.from({ length: COUNT }, (_, i) => `session ${i}`)
    await Promise.all(ids.map((id) => insert(store, tokenSession(id), { seal: Uint8Array.of(1) })))
    const met: string[] = []
    let isRestarted = false
    for await (const slice of store.walkSeals()) {
      met.push(...slice)
      if (met.length > 0 && !isRestarted) {
        isRestarted = true
        await node.kill()
        await node.start()
      }
    }
    expect(met.sort()).toEqual(ids.sort())
  })
})
