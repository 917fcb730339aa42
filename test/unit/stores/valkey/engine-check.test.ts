import { expect, it, onTestFinished } from 'vitest'
import { openCluster } from '../../../../src/stores/valkey/connection/cluster.js'
import { expectSafe } from '../../../../src/stores/valkey/engine-check.js'
import {
  describeEngines,
  startValkey,
  startValkeyCluster,
} from '../../../support/valkey-cluster.js'
import { engineSettings } from '../../../support/valkey-store.js'

async function connectTo(address: string, user: { name: string; password: string } | null = null) {
  const settings = engineSettings(address, {
    ...(user && { user: user.name, password: () => user.password }),
  })
  const cluster = await openCluster(settings)
  onTestFinished(() => cluster.close())
  return cluster
}

describeEngines('a store in', ({ program }) => {
  it.each([
    [{ appendonly: 'no' }, /its appendonly is "no".*Set it to "yes"/],
    [{ appendfsync: 'everysec' }, /its appendfsync is "everysec".*Set it to "always"/],
    [
      { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' },
      /its maxmemory-policy is "allkeys-lru".*Set it to "noeviction"/,
    ],
  ])('is refused where the engine has %o', async (settings, message) => {
    const node = await startValkey(onTestFinished, { program, settings })
    await expect(expectSafe(await connectTo(node.address), 0)).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringMatching(message),
    })
  })

  it.each([{}, { 'maxmemory-policy': 'allkeys-lru' }])(
    'is taken where the engine keeps what it acknowledges: %o',
    async (settings) => {
      const node = await startValkey(onTestFinished, { program, settings })
      await expectSafe(await connectTo(node.address), 0)
    },
  )

  it('is refused where no master has as many replicas as the store wants', async () => {
    const node = await startValkey(onTestFinished, { program })
    await expect(expectSafe(await connectTo(node.address), 1)).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringMatching(/no master .* more than 0 replicas.*--store-replicas 0/),
    })
  })

  it('is taken where a cluster has as many replicas', async () => {
    const { nodes } = await startValkeyCluster(onTestFinished, { program })
    await expectSafe(await connectTo(nodes[0]?.address as string), 1)
  })

  it('is refused, and says what to allow, where its user may not ask', async () => {
    const node = await startValkey(onTestFinished, { program })
    await node.call('ACL', 'SETUSER', 'store', 'on', '>secret', '~*', '&*', '+@all', '-config')
    const cluster = await connectTo(node.address, { name: 'store', password: 'secret' })
    await expect(expectSafe(cluster, 0)).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringMatching(/\+config\|get/),
    })
  })
})
