import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescMessage, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/** Every message and service of `proto/`. */
export const contracts = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    readFileSync(new URL('../../generated/descriptors.binpb', import.meta.url)),
  ),
)

/** Fails where a path that an error names, such as `body.owner_id.value`, leads to no field of the message. */
export function expectField(typeName: string, path: string): void {
  let message: DescMessage | undefined = contracts.getMessage(typeName)
  for (const name of path.split('.')) {
    const field = message?.fields.find((candidate) => candidate.name === name)
    if (field === undefined) {
      throw new Error(`${path}: ${message?.typeName ?? typeName} has no field ${name}`)
    }
    message = field.message
  }
}
