import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startServer, temporaryDirectory } from '../support/process.js'
import { haveValkey, startValkeyCluster, until } from '../support/valkey-cluster.js'

describe.skipIf(!haveValkey())('a server on a cluster', () => {
  it('is not ready while no replica confirms writes, reads on, and is ready again after that', async () => {
    const { nodes } = await startValkeyCluster(onTestFinished)
    const replicas = []
    for (const node of nodes) {
      if ((await node.info('replication')).role === 'slave') {
        replicas.push(node)
      }
    }
    const addresses = nodes.map(({ address }) => address).join(',')
    const server = await startServer({
      dataDir: join(await temporaryDirectory(onTestFinished), 'data'),
      args: ['--store', `valkey://${addresses}`, '--seneca', 'http://127.0.0.1:0'],
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const { http, seneca } = server.ready
    const ready = async () => (await fetch(`${http}/readyz`)).status
    const act = async (fields: object) => {
      const response = await fetch(`${seneca[0]}/act`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ role: 'sessions', ...fields }),
      })
      const answer = (await response.json()) as { id: string }
      return { status: response.status, answer }
    }
    const place = { user_id: 'alice', address: '192.0.2.1', client: 'a test' }
    const opened = await act({ cmd: 'open_session', ...place })
    expect([opened.status, await ready()]).toEqual([200, 200])

    for (const replica of replicas) {
      replica.pause()
    }
    await until('it is not ready', async () => (await ready()) === 503)
    const read = await act({ cmd: 'get_session_by_id', session_id: opened.answer.id })
    expect(read.answer).toMatchObject({ id: opened.answer.id, active: true })
    const refused = await act({ cmd: 'open_session', ...place, client: 'another' })
    expect(refused.status).toBe(503)

    for (const replica of replicas) {
      replica.resume()
    }
    await until('it is ready again', async () => (await ready()) === 200)
    expect((await act({ cmd: 'open_session', ...place, client: 'another' })).status).toBe(200)
  })
})
