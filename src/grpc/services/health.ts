import type { Server, ServerWritableStream } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'

type Watch = (call: ServerWritableStream<{ readonly service: string }, { status: string }>) => void

/**
 * Serves `grpc.health.v1.Health` for services of these names. Watches of unknown names get SERVICE_UNKNOWN and are not
 * remembered; grpc-health-check would keep each name for ever. Health and reflection come with their own messages and
 * handlers, so they pass the limits of the transport, but not the pipeline.
 */
export function addHealth(server: Server, names: readonly string[]): HealthImplementation {
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, 'SERVING' as const])),
  )
  const addService: Server['addService'] = (definition, implementation) => {
    const watch = implementation.watch as Watch
    const watchKnown: Watch = (call) => {
      if (names.includes(call.request.service)) {
        watch(call)
      } else {
        call.write({ status: 'SERVICE_UNKNOWN' })
      }
    }
    server.addService(definition, { ...implementation, watch: watchKnown })
  }
  health.addToServer({ addService } as unknown as Server)
  return health
}
