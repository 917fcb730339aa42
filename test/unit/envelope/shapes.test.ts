import { type DescField, ScalarType } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import {
  createRequest,
  createResponse,
  type Kind,
  type Shape,
} from '../../../src/envelope/shapes.js'
import { contracts } from '../../support/contract.js'

/** A field as a line, such as `4 x_headers repeated service.XHeader`. */
function line(number: number, name: string, repeated: boolean, kind: string): string {
  return [number, name, ...(repeated ? ['repeated'] : []), kind].join(' ')
}

const scalarKinds: Partial<Record<ScalarType, Kind>> = {
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.BYTES]: 'bytes',
  [ScalarType.STRING]: 'string',
}

/** Messages that are not looked into. */
const unread = ['service.SessionToken', 'service.BearerToken']

function contractKind(field: DescField): string {
  if (unread.includes(`${field.message?.typeName}`)) {
    return 'unread message'
  }
  if (field.message !== undefined) {
    return field.message.typeName
  }
  return `${scalarKinds[field.scalar as ScalarType]}`
}

function contractFields(typeName: string): string[] {
  return (contracts.getMessage(typeName)?.fields ?? [])
    .map((field) => line(field.number, field.name, field.fieldKind === 'list', contractKind(field)))
    .sort()
}

function tableFields(shape: Shape): string[] {
  return shape.fields
    .flatMap((field, number) =>
      field === undefined
        ? []
        : line(
            number,
            field.name,
            field.repeated,
            typeof field.kind === 'object' ? field.kind.name : field.kind,
          ),
    )
    .sort()
}

function reachable(shape: Shape, found = new Set<Shape>()): Set<Shape> {
  if (!found.has(shape)) {
    found.add(shape)
    for (const field of shape.fields) {
      if (typeof field?.kind === 'object') {
        reachable(field.kind, found)
      }
    }
  }
  return found
}

const shapes = [...new Set([...reachable(createRequest), ...reachable(createResponse)])]

test.each(shapes.map((shape) => [shape.name, shape] as const))(
  'the table of %s is the contract',
  (name, shape) => {
    expect(tableFields(shape)).not.toEqual([])
    expect(tableFields(shape)).toEqual(contractFields(name))
  },
)

test('only the origin of a header leads back to its own shape', () => {
  for (const shape of shapes) {
    const loops = shape.fields.flatMap((field, number) =>
      typeof field?.kind === 'object' && reachable(field.kind).has(shape) ? [number] : [],
    )
    expect(loops).toEqual(shape.origin === undefined ? [] : [shape.origin])
  }
})

test('field numbers fit the bits that remember them', () => {
  expect(Math.max(...shapes.map((shape) => shape.fields.length - 1))).toBeLessThan(32)
})
