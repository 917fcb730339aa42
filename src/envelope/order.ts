import type { Shape } from './shapes.js'
import { WireReader } from './wire.js'

/**
 * The first field that stands behind one with a higher number, as a path; undefined where all ascend, as
 * serializers write them. `bytes`, a message of this shape, must have been walked.
 */
export function fieldOutOfOrder(bytes: Uint8Array, shape: Shape): string | undefined {
  const reader = new WireReader(bytes)
  let highest = 0
  while (reader.pos < reader.end) {
    const tag = reader.tag()
    const number = tag >>> 3
    const field = shape.fields[number]
    if (number < highest) {
      return field?.name ?? `field ${number}`
    }
    highest = number
    if (field !== undefined && typeof field.kind === 'object') {
      const inner = fieldOutOfOrder(reader.content(), field.kind)
      if (inner !== undefined) {
        return `${field.name}.${inner}`
      }
    } else {
      reader.skip(tag & 7)
    }
  }
  return undefined
}
