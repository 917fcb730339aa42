import { once } from 'node:events'
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { expect, it, onTestFinished } from 'vitest'
import { addHealth } from '../../../../src/grpc/services/health.js'

it('tells of a service that there is not, and keeps no name of one', async () => {
  const server = new Server()
  const health = addHealth(server, [''])
  onTestFinished(() => server.forceShutdown())
  const port = await new Promise<number>((resolve) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) =>
      resolve(bound),
    ),
  )
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  onTestFinished(() => client.close())
  const watch = async (name: string) => {
    const request = Buffer.concat([Buffer.of(0x0a, name.length), Buffer.from(name)])
    const path = '/grpc.health.v1.Health/Watch'
    const asItIs = (bytes: Buffer) => bytes
    const call = client.makeServerStreamRequest(path, asItIs, asItIs, request)
    call.on('error', () => {})
    const [answer] = await once(call, 'data')
    call.cancel()
    return answer[1]
  }
  expect(await watch('')).toBe(1) // SERVING
  expect(await watch('made.up')).toBe(3) // SERVICE_UNKNOWN
  expect([...Reflect.get(health, 'watchers').keys()]).toEqual([''])
})
