import { readFileSync } from 'node:fs'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import { MalformedError } from '../../core/errors.js'

const descriptorSet = readFileSync(new URL('../../../generated/descriptors.binpb', import.meta.url))
const contracts = loadFileDescriptorSetFromBuffer(descriptorSet)

/** The definition of a service by its full name, such as `session.Session`. */
export function serviceDefinition(name: string): ServiceDefinition {
  return contracts[name] as ServiceDefinition
}

/** The same with bytes in place of messages: what throws in a deserializer is told as INTERNAL. */
export function rawDefinition(name: string): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(serviceDefinition(name)).map(([method, definition]) => [
      method,
      {
        ...definition,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
      },
    ]),
  )
}

/** How a message of a contract is read and written. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/** Reads a request. Throws MalformedError. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  try {
    return codec.decode(bytes)
  } catch (error) {
    throw new MalformedError('', 'the request is no message of the contract', error)
  }
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
