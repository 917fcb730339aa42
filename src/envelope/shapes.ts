import { messages } from '#generated/fields'
import { MAX_FIELDS, WireType } from './wire.js'

/** The full name of a message of the contract, such as `service.XHeader`. */
export type MessageName = keyof typeof messages

const NUMBERS = ['uint32', 'uint64', 'int32', 'bool'] as const

/** What a field holds; an `unread message` is one that nobody here looks into, whatever its bytes. */
export type Kind = (typeof NUMBERS)[number] | 'bytes' | 'string' | 'unread message' | Shape

export interface Field {
  readonly name: string
  readonly kind: Kind
  readonly wireType: number
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
  /** Whether a field that is not in the contract is refused. Elsewhere it is passed over. */
  readonly isClosed: boolean
}

type TokensMethod = 'Sign' | 'Bind' | 'Introspect' | 'Revoke' | 'List' | 'Watch' | 'IssueJwt'
type SignedName =
  | 'session.CreateRequest'
  | 'session.CreateResponse'
  | `sessiond.v1.${TokensMethod}${'Request' | 'Response'}`
type PartName<Part extends 'body' | 'meta_header' | 'verify_header'> =
  (typeof messages)[SignedName][Part]['type']

/** A message that carries its proof with it: body, meta header and verification header. */
export interface SignedShape extends Shape<SignedName> {
  readonly body: Shape<PartName<'body'>>
  readonly metaHeader: Shape<PartName<'meta_header'>>
  readonly verifyHeader: Shape<PartName<'verify_header'>>
  /** The longest message that is read. */
  readonly maxBytes: number
  /** The most fields that it may have, nested ones included, but for those of a body that nobody looks into. */
  readonly maxFields: number
}

/** The longest message of most kinds, in bytes: 64 KiB. */
export const MAX_MESSAGE_BYTES = 64 * 1024

/** They are signed and grant nothing here, so that strangers cannot make the server decode them. */
const UNREAD: ReadonlySet<string> = new Set(['service.SessionToken', 'service.BearerToken'])

const open = new Map<MessageName, Shape>()
const closed = new Map<MessageName, Shape>()

/** One object for each message, so that a header can hold another of its kind. */
function shapeOf<Name extends MessageName>(name: Name, shapes = open): Shape<Name> {
  const known = shapes.get(name)
  if (known !== undefined) {
    return known as Shape<Name>
  }
  const named = messages[name]
  const rows = Object.entries<{ number: number; type: string; repeated?: true }>(named)
  const fields: Field[] = []
  const origin = rows.find(([, { type }]) => type === name)?.[1].number
  const shape: Shape<Name> = { name, fields, named, origin, isClosed: shapes === closed }
  shapes.set(name, shape)
  for (const [fieldName, { number, type, repeated = false }] of rows) {
    const isNumber = (NUMBERS as readonly string[]).includes(type)
    const wireType = isNumber ? WireType.Varint : WireType.LengthDelimited
    fields[number] = { name: fieldName, kind: kindOf(type, shapes), wireType, repeated }
  }
  return shape
}

function kindOf(type: string, shapes: typeof open): Kind {
  if (UNREAD.has(type)) {
    return 'unread message'
  }
  return type in messages ? shapeOf(type as MessageName, shapes) : (type as Kind)
}

function signed(
  name: SignedName,
  maxBytes = MAX_MESSAGE_BYTES,
  maxFields = MAX_FIELDS,
): SignedShape {
  const { body, meta_header, verify_header } = messages[name]
  return {
    ...shapeOf(name),
    body: shapeOf(body.type),
    metaHeader: shapeOf(meta_header.type),
    verifyHeader: shapeOf(verify_header.type),
    maxBytes,
    maxFields,
  }
}

/** `session.CreateRequest` and all that it reaches but its tokens. */
export const createRequest = signed('session.CreateRequest')

/** `session.CreateResponse` and all that it reaches. */
export const createResponse = signed('session.CreateResponse')

/** The longest request that `anyRequest` reads, in bytes: as much as grpc-js takes by default. */
const MAX_ANY_BYTES = 4 * 1024 * 1024
const { body: createBody } = createRequest

/** A request of any method, with a body that nobody here looks into. Its names are those of Create. */
export const anyRequest: SignedShape = {
  ...createRequest,
  fields: createRequest.fields.map((field) =>
    field?.kind === createBody ? { ...field, kind: { ...createBody, fields: [] } } : field,
  ),
  maxBytes: MAX_ANY_BYTES,
}

/** The most that Sign signs in one call, in bytes: 1 MiB. */
export const MAX_SIGNED_BYTES = 1024 * 1024

/** The longest cursor of Watch, in bytes: 64 KiB. It has a place in each shard of a store. */
export const MAX_CURSOR_BYTES = 64 * 1024

/** The requests and responses of `sessiond.v1.Tokens`. */
export const tokens = {
  signRequest: signed('sessiond.v1.SignRequest', MAX_SIGNED_BYTES + MAX_MESSAGE_BYTES),
  signResponse: signed('sessiond.v1.SignResponse'),
  bindRequest: signed('sessiond.v1.BindRequest'),
  bindResponse: signed('sessiond.v1.BindResponse'),
  introspectRequest: signed('sessiond.v1.IntrospectRequest'),
  introspectResponse: signed('sessiond.v1.IntrospectResponse'),
  revokeRequest: signed('sessiond.v1.RevokeRequest'),
  revokeResponse: signed('sessiond.v1.RevokeResponse'),
  listRequest: signed('sessiond.v1.ListRequest'),
  // 100 sessions of up to 1.5 KiB and 12 fields.
  listResponse: signed('sessiond.v1.ListResponse', 4 * MAX_MESSAGE_BYTES, 2 * MAX_FIELDS),
  watchRequest: signed('sessiond.v1.WatchRequest', MAX_CURSOR_BYTES + MAX_MESSAGE_BYTES),
  watchResponse: signed('sessiond.v1.WatchResponse', MAX_CURSOR_BYTES + MAX_MESSAGE_BYTES),
  issueJwtRequest: signed('sessiond.v1.IssueJwtRequest'),
  issueJwtResponse: signed('sessiond.v1.IssueJwtResponse'),
}

/**
 * A token as it is read by itself. Closed: a field that this release does not know may restrict what the token allows, or
 * stand outside what its owner signed.
 */
export const sessionToken = shapeOf('service.SessionToken', closed)
