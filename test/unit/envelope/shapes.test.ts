import { fileURLToPath } from 'node:url'
import { type DescField, ScalarType } from '@bufbuild/protobuf'
import { loadSync } from '@grpc/proto-loader'
import { expect, test } from 'vitest'
import { messages } from '#generated/fields'
import {
  createRequest,
  createResponse,
  type Kind,
  type Shape,
  sessionToken,
  tokens,
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
  [ScalarType.BOOL]: 'bool',
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
  return field.enum === undefined ? `${scalarKinds[field.scalar as ScalarType]}` : 'int32'
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

const all = [createRequest, createResponse, sessionToken, ...Object.values(tokens)]
const shapes = [...new Set(all.flatMap((shape) => [...reachable(shape)]))]

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

interface WrittenMessage {
  readonly name: string
  readonly field: readonly {
    readonly name: string
    readonly number: number
    readonly label: string
    readonly type: string
    readonly typeName: string
  }[]
  readonly nestedType: readonly WrittenMessage[]
}

/** Messages as lines, by their full names; types without their packages. */
function linesOf(
  { name, field, nestedType }: WrittenMessage,
  prefix: string,
): [string, string[]][] {
  const typeOf = ({ type, typeName }: (typeof field)[number]) =>
    type === 'TYPE_MESSAGE'
      ? `${typeName.split('.').at(-1)}`
      : type === 'TYPE_ENUM'
        ? 'int32'
        : type.replace('TYPE_', '').toLowerCase()
  const lines = field.map((written) =>
    line(written.number, written.name, written.label === 'LABEL_REPEATED', typeOf(written)),
  )
  const inner = nestedType.flatMap((nested) => linesOf(nested, `${prefix}${name}.`))
  return [[`${prefix}${name}`, lines], ...inner]
}

test('the generated fields are those that the text of proto/ has, as another parser reads it', () => {
  const includeDirs = [fileURLToPath(new URL('../../../proto', import.meta.url))]
  const files = ['session/service.proto', 'sessiond/v1/tokens.proto']
  const loaded = loadSync(files, { includeDirs, keepCase: true })
  const written = Object.entries(loaded).flatMap(([name, definition]) =>
    /^(?:refs|service|session|sessiond\.v1)\./.test(name) &&
    'type' in definition &&
    'field' in definition.type
      ? linesOf(definition.type as WrittenMessage, name.slice(0, name.lastIndexOf('.') + 1))
      : [],
  )
  const generated = Object.entries(messages).map(([name, fields]) => [
    name,
    Object.entries<{ number: number; type: string; repeated?: true }>(fields).map(
      ([field, { number, type, repeated = false }]) =>
        line(number, field, repeated, `${type.split('.').at(-1)}`),
    ),
  ])
  expect(Object.fromEntries(generated)).toEqual(Object.fromEntries(written))
})
