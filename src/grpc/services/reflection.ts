import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { publishedFiles } from '../pipeline/contracts.js'

/** Served beside our own services. */
const GRPC_SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
]

/** Serves reflection v1 and v1alpha of services of these names, and of gRPC's own. */
export function addReflection(server: Server, names: readonly string[]): void {
  const fileDescriptorProtos = publishedFiles()
  const all = { format: '', type: {}, fileDescriptorProtos }
  const services = [...names, ...GRPC_SERVICES]
  new ReflectionService({ all } as never, { services }).addToServer(server)
}
