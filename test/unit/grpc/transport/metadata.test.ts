import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { expect, it, onTestFinished } from 'vitest'
import { startTestGrpc } from '../../../support/grpc.js'

/** The name of a call's status, which has so many entries of metadata of so many bytes. */
async function check(entries: number, bytes: number): Promise<string | undefined> {
  const server = await startTestGrpc({}, {})
  onTestFinished(async () => void (await server.close(0)))
  const client = new Client(server.address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  onTestFinished(() => client.close())
  const metadata = new Metadata()
  for (let i = 0; i < entries; i++) {
    metadata.set(`x-${i}`, 'v'.repeat(bytes))
  }
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (request: Buffer) => request,
      (answer) => answer,
      Buffer.alloc(0),
      metadata,
      (error: ServiceError | null) => resolve(status[error?.code ?? status.OK]),
    ),
  )
}

it.each([
  ['OK', 1, 15_000],
  ['OK', 100, 100],
  ['RESOURCE_EXHAUSTED', 1, 17_000],
  ['RESOURCE_EXHAUSTED', 1, 65_000],
  ['RESOURCE_EXHAUSTED', 10, 2_000],
  ['RESOURCE_EXHAUSTED', 200, 1],
  ['RESOURCE_EXHAUSTED', 20, 15_000],
  ['RESOURCE_EXHAUSTED', 2_000, 1_000],
])(
  'the answer is %s where a call has %i entries of metadata of %i bytes',
  async (name, entries, bytes) => {
    expect(await check(entries, bytes)).toBe(name)
  },
)
