import { expect, it, onTestFinished } from 'vitest'
import { LIBRARY } from '../../src/stores/valkey/functions/library.js'
import { connectActs } from '../support/acts.js'
import { startContention } from '../support/contention.js'
import { haveValkey, startValkey } from '../support/valkey-cluster.js'
import { serversOn } from '../support/valkey-servers.js'

/** What compares, in the library, what a commit relies on. */
const CHECK = 'if now ~= wanted then'

// test/e2e/valkey-faults.test.ts holds them to the same while processes die.
it.skipIf(!haveValkey())(
  'two servers answer as one would, which they do not if the engine compares no versions',
  async () => {
    const engine = await startValkey(onTestFinished)
    const start = await serversOn({ addresses: engine.address }, onTestFinished)
    const withoutReplicas = ['--store-replicas', '0']
    const servers = [await start('one', withoutReplicas), await start('other', withoutReplicas)]
    const acts = await Promise.all(servers.map(({ ready }) => connectActs(ready.seneca[0] ?? '')))
    const unexplained = async (userId: string) => {
      const contention = startContention(acts, userId, 8)
      await contention.called(1000)
      return contention.stop()
    }

    expect(await unexplained('a user')).toEqual([])

    expect(LIBRARY.source).toContain(CHECK)
    const careless = LIBRARY.source.replace(CHECK, 'if false then')
    await engine.call('FUNCTION', 'LOAD', 'REPLACE', careless)
    expect(await unexplained('another')).not.toEqual([])
  },
)
