/**
 * What stands in a field: a number, opaque bytes, UTF-8 text, a message, or one that nobody here looks into,
 * whatever its bytes.
 */
export type Kind = 'varint' | 'bytes' | 'string' | 'unread message' | Shape

export interface Field {
  readonly name: string
  readonly kind: Kind
  readonly repeated: boolean
}

/** The fields of a message of the contract. */
export interface Shape {
  /** Its full name, such as `service.XHeader`. */
  readonly name: string
  /** By field number, which is at most 31. */
  readonly fields: readonly (Field | undefined)[]
  /** In a header: the number of the field that holds the header which this one wraps. */
  readonly origin?: number
}

/** A header, which may wrap another of its kind. No other shape refers to itself. */
export interface HeaderShape extends Shape {
  readonly origin: number
}

/** A message that carries its proof with it: body, meta header and verification header. */
export interface SignedShape extends Shape {
  readonly body: Shape
  readonly metaHeader: HeaderShape
  readonly verifyHeader: HeaderShape
}

type Row = [number: number, name: string, kind: Kind, repeated?: 'repeated']

function shape(name: string, ...rows: Row[]): Shape {
  const fields: Field[] = []
  for (const [number, fieldName, kind, repeated] of rows) {
    fields[number] = { name: fieldName, kind, repeated: repeated !== undefined }
  }
  return { name, fields }
}

function header(name: string, origin: number, ...rows: Row[]): HeaderShape {
  const fields = [...shape(name, ...rows).fields]
  const self = { name, fields, origin }
  fields[origin] = { name: 'origin', kind: self, repeated: false }
  return self
}

function verificationHeader(name: string): HeaderShape {
  return header(
    name,
    4,
    [1, 'body_signature', signature],
    [2, 'meta_signature', signature],
    [3, 'origin_signature', signature],
  )
}

function signed(
  name: string,
  body: Shape,
  metaHeader: HeaderShape,
  verifyHeader: HeaderShape,
): SignedShape {
  const { fields } = shape(
    name,
    [1, 'body', body],
    [2, 'meta_header', metaHeader],
    [3, 'verify_header', verifyHeader],
  )
  return { name, fields, body, metaHeader, verifyHeader }
}

const ownerId = shape('refs.OwnerID', [1, 'value', 'bytes'])

const version = shape('service.Version', [1, 'major', 'varint'], [2, 'minor', 'varint'])
const xHeader = shape('service.XHeader', [1, 'key', 'string'], [2, 'value', 'string'])
const signature = shape('service.Signature', [1, 'key', 'bytes'], [2, 'sign', 'bytes'])
const tokenLifetime = shape(
  'service.TokenLifetime',
  [1, 'exp', 'varint'],
  [2, 'nbf', 'varint'],
  [3, 'iat', 'varint'],
)
/** `session.CreateRequest` and all that it reaches but its tokens, which are signed and grant nothing here. */
export const createRequest = signed(
  'session.CreateRequest',
  shape('session.CreateRequest.Body', [1, 'owner_id', ownerId], [2, 'lifetime', tokenLifetime]),
  header(
    'service.RequestMetaHeader',
    7,
    [1, 'version', version],
    [2, 'epoch', 'varint'],
    [3, 'ttl', 'varint'],
    [4, 'x_headers', xHeader, 'repeated'],
    [5, 'token', 'unread message'],
    [6, 'bearer', 'unread message'],
  ),
  verificationHeader('service.RequestVerificationHeader'),
)

/** `session.CreateResponse` and all that it reaches. */
export const createResponse = signed(
  'session.CreateResponse',
  shape('session.CreateResponse.Body', [1, 'id', 'bytes'], [2, 'session_key', 'bytes']),
  header(
    'service.ResponseMetaHeader',
    5,
    [1, 'version', version],
    [2, 'epoch', 'varint'],
    [3, 'ttl', 'varint'],
    [4, 'x_headers', xHeader, 'repeated'],
  ),
  verificationHeader('service.ResponseVerificationHeader'),
)
