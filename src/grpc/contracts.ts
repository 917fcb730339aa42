import { readFileSync } from 'node:fs'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'

const descriptorSet = readFileSync(new URL('../../generated/descriptors.binpb', import.meta.url))
const contracts = loadFileDescriptorSetFromBuffer(descriptorSet)

/** The definition of a service by its full name, such as `session.Session`. */
export function serviceDefinition(name: string): ServiceDefinition {
  return contracts[name] as ServiceDefinition
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
