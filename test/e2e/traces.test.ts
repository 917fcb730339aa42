import { afterAll, expect, it } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import { linesOf, startServer, temporaryDirectory } from '../support/process.js'

const dataDir = await temporaryDirectory(afterAll)

it('an SDK that is loaded into the process gets a span for every call', async () => {
  const register = new URL('../support/register-telemetry.mjs', import.meta.url)
  const server = await startServer({
    dataDir,
    args: ['--log-level', 'debug'],
    wrapper: ['env', `NODE_OPTIONS=--import ${register}`],
  })
  const client = createClient(server.ready.grpc)
  await client.create(createRequest())
  await expect(client.create(Buffer.from('nothing'))).rejects.toMatchObject({ reason: 'MALFORMED' })
  client.close()
  expect(await server.event('call')).toHaveProperty('trace_id')
  const { code, signal, stderr } = await server.stop()
  expect({ code, signal }).toEqual({ code: 0, signal: null })
  expect(linesOf(stderr)).toMatchObject([
    { name: 'session.Session/Create', attributes: { 'rpc.grpc.status_code': 0 } },
    { name: 'session.Session/Create', attributes: { 'error.type': 'MALFORMED' } },
  ])
})
