import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'

/** HealthCheckResponse with `status: NOT_SERVING`. */
const NOT_SERVING = Buffer.of(0x08, 2)

/** Follows the health of a server. */
export function watchHealth(address: string) {
  const client = new Client(address, credentials.createInsecure())
  const call = client.makeServerStreamRequest<Buffer, Buffer>(
    '/grpc.health.v1.Health/Watch',
    (bytes) => bytes,
    (bytes) => bytes,
    Buffer.alloc(0),
  )
  const watched = new Promise<void>((resolve) => call.once('data', () => resolve()))
  const notServing = new Promise<void>((resolve) =>
    call.on('data', (bytes: Buffer) => bytes.equals(NOT_SERVING) && resolve()),
  )
  const ended = new Promise<{ code: string | undefined; details: string }>((resolve) =>
    call.on('error', ({ code, details }: ServiceError) => {
      client.close()
      resolve({ code: status[code], details })
    }),
  )
  return { watched, notServing, ended }
}
