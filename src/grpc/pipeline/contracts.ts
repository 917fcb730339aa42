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
 * The definition of a service by its full name, such as `session.Session`. Messages stay raw bytes, because grpc-js reports
 * a throwing deserializer as INTERNAL; the pipeline decodes them.
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

/** Decodes and encodes a message of a contract. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/** For messages that the handler decodes or encodes itself. */
export const BYTES: Codec<Uint8Array> = {
  decode: (bytes) => bytes,
  encode: (bytes) => ({ finish: () => bytes }),
}

/** Decodes a request. Throws MalformedError. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  try {
    return codec.decode(bytes)
  } catch (error) {
    throw new MalformedError('', 'the request is no message of the contract', error)
  }
}

/** Encodes a response as the Buffer that grpc-js wants, without copying it. */
export function encode<T>(codec: Codec<T>, message: T): Buffer {
  const bytes = codec.encode(message).finish()
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * The published contracts as encoded FileDescriptorProtos, from the descriptor set itself: proto-loader drops which file
 * imports which, and grpcurl then finds no service.
 */
export function publishedFiles(): Buffer[] {
  return fromBinary(FileDescriptorSetSchema, descriptorSet)
    .file.filter((file) => !file.package.startsWith('sessiond.store.'))
    .map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)))
}
