import type { Server, ServerWritableStream } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'

type Watch = (call: ServerWritableStream<{ readonly service: string }, { status: string }>) => void

/**
 * Serves `grpc.health.v1.Health` for services of these names. No others ever come: who watches one is told
 * so, and is not kept in mind, as grpc-health-check keeps the name of each for ever.
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
