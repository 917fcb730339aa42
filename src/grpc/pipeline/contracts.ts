import { readFileSync } from 'node:fs'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import { MalformedError } from '../../core/errors.js'

const descriptorSet = readFileSync(new URL('../../../generated/descriptors.binpb', import.meta.url))
const contracts = loadFileDescriptorSetFromBuffer(descriptorSet)

/** A service as grpc-js serves it. */
export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

/**
 * The definition of a service by its full name, such as `session.Session`. Messages stay bytes: the pipeline decodes
 * them, for grpc-js reports a deserializer that throws as INTERNAL.
 */
export function serviceDefinition(name: string): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(contracts[name] as ServiceDefinition).map(([method, definition]) => [
      method,
      { ...definition, requestDeserialize: asIs, responseSerialize: asIs },
    ]),
  )
}

const asIs = (bytes: Buffer) => bytes

/** How a message of a contract is read and written. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/** A message that its handler reads, or writes, itself. */
export const BYTES: Codec<Uint8Array> = {
  decode: (bytes) => bytes,
  encode: (bytes) => ({ finish: () => bytes }),
}

/** Reads a request. Throws MalformedError. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  try {
    return codec.decode(bytes)
  } catch (error) {
    throw new MalformedError('', 'the request is no message of the contract', error)
  }
}

/** Writes a response, into a Buffer as grpc-js wants it, without copying. */
export function encode<T>(codec: Codec<T>, message: T): Buffer {
  const { buffer, byteOffset, length } = codec.encode(message).finish()
  return Buffer.from(buffer, byteOffset, length)
}

/**
 * The published contracts as encoded FileDescriptorProtos. What proto-loader makes of them has lost
 * which file imports which, and grpcurl then finds no service; so these come from the set itself.
 */
export function publishedFiles(): Buffer[] {
  return fromBinary(FileDescriptorSetSchema, descriptorSet)
    .file.filter((file) => !file.package.startsWith('sessiond.store.'))
    .map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)))
}
