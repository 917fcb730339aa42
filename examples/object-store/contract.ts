// The types of objects.proto, and the service as grpc-js takes it.
import type { handleUnaryCall, ServiceError } from '@grpc/grpc-js'
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface Permission {
  readonly token: Uint8Array
  readonly signature: Uint8Array
}
export interface PutRequest {
  readonly container: Uint8Array
  readonly content: Uint8Array
  readonly permission: Permission | null
}
export interface GetRequest {
  readonly container: Uint8Array
  readonly id: Uint8Array
  readonly timeMs: string
  readonly permission: Permission | null
}
export interface GetResponse {
  readonly content: Uint8Array
  readonly putUnder: Permission
  readonly putEpoch: string
}

/** What the store implements. */
export type Handlers = {
  readonly Put: handleUnaryCall<PutRequest, { readonly id: Uint8Array }>
  readonly Get: handleUnaryCall<GetRequest, GetResponse>
}
type Done<Response> = (error: ServiceError | null, response: Response) => void
/** What a client calls. */
export interface ObjectsClient {
  Put(request: PutRequest, done: Done<{ readonly id: Uint8Array }>): void
  Get(request: GetRequest, done: Done<GetResponse>): void
  close(): void
}

// Compiled, this file lies in dist/.
const file = new URL('../objects.proto', import.meta.url).pathname
const { objects } = loadPackageDefinition(loadSync(file, { defaults: true })) as unknown as {
  readonly objects: { readonly Objects: ServiceClientConstructor }
}
export const Objects = objects.Objects
