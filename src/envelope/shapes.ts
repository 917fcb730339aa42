import { messages } from '#generated/fields'

/** The full name of a message of the contract, such as `service.XHeader`. */
export type MessageName = keyof typeof messages

/** What a field holds; an `unread message` is one that nobody here looks into, whatever its bytes. */
export type Kind = 'uint32' | 'uint64' | 'bytes' | 'string' | 'unread message' | Shape

export interface Field {
  readonly name: string
  readonly kind: Kind
  readonly repeated: boolean
}

/** The fields of a message, as the contract has them. */
export interface Shape<Name extends MessageName = MessageName> {
  readonly name: Name
  /** By field number, which is at most 31. */
  readonly fields: readonly (Field | undefined)[]
  /** Their numbers, by name. */
  readonly named: (typeof messages)[Name]
  /** In a header: the number of the field that holds the header which this one wraps. */
  readonly origin: number | undefined
}

type SignedName = 'session.CreateRequest' | 'session.CreateResponse'
type PartName<Part extends 'body' | 'meta_header' | 'verify_header'> =
  (typeof messages)[SignedName][Part]['type']

/** A message that carries its proof with it: body, meta header and verification header. */
export interface SignedShape extends Shape<SignedName> {
  readonly body: Shape<PartName<'body'>>
  readonly metaHeader: Shape<PartName<'meta_header'>>
  readonly verifyHeader: Shape<PartName<'verify_header'>>
}

/** They are signed and grant nothing here, so that strangers cannot make the server decode them. */
const UNREAD: ReadonlySet<string> = new Set(['service.SessionToken', 'service.BearerToken'])

const shapes = new Map<MessageName, Shape>()

/** One object for each message, so that a header can hold another of its kind. */
function shapeOf<Name extends MessageName>(name: Name): Shape<Name> {
  const known = shapes.get(name)
  if (known !== undefined) {
    return known as Shape<Name>
  }
  const named = messages[name]
  const rows = Object.entries<{ number: number; type: string; repeated?: true }>(named)
  const fields: Field[] = []
  const origin = rows.find(([, { type }]) => type === name)?.[1].number
  const shape: Shape<Name> = { name, fields, named, origin }
  shapes.set(name, shape)
  for (const [fieldName, { number, type, repeated = false }] of rows) {
    fields[number] = { name: fieldName, kind: kindOf(type), repeated }
  }
  return shape
}

function kindOf(type: string): Kind {
  if (UNREAD.has(type)) {
    return 'unread message'
  }
  return type in messages ? shapeOf(type as MessageName) : (type as Kind)
}

function signed(name: SignedName): SignedShape {
  const { body, meta_header, verify_header } = messages[name]
  return {
    ...shapeOf(name),
    body: shapeOf(body.type),
    metaHeader: shapeOf(meta_header.type),
    verifyHeader: shapeOf(verify_header.type),
  }
}

/** `session.CreateRequest` and all that it reaches but its tokens. */
export const createRequest = signed('session.CreateRequest')

/** `session.CreateResponse` and all that it reaches. */
export const createResponse = signed('session.CreateResponse')
