import { describe, expect, it, test } from 'vitest'
import { SessionToken } from '#generated/service/meta'
import { signRequest } from '../../../src/envelope/sign.js'
import {
  bindMethod,
  introspectMethod,
  issueJwtMethod,
  listMethod,
  readTokensRequest,
  revokeMethod,
  signMethod,
  type TokensMethod,
} from '../../../src/envelope/tokens.js'
import { alice, len, refusal } from '../../support/envelope.js'
import { METHODS, tokensBody, tokensMeta } from '../../support/tokens-client.js'

const READERS = {
  Sign: signMethod,
  Bind: bindMethod,
  Introspect: introspectMethod,
  Revoke: revokeMethod,
  List: listMethod,
  IssueJwt: issueJwtMethod,
} as const
type Name = keyof typeof READERS

const ID = Uint8Array.from(Buffer.from('6f1d3c0a9b8e4f2a8c7d5e6f70819203', 'hex'))
const UUID = '6f1d3c0a-9b8e-4f2a-8c7d-5e6f70819203'
const LIFETIME = { exp: 20n, nbf: 10n, iat: 10n }
const KEY = new Uint8Array(32).fill(7)
const BYTES = (length: number) => new Uint8Array(length).fill(1)
const OWNER = { value: BYTES(25) }
const TOKEN: SessionToken = { token: undefined, signature: { key: KEY, sign: KEY } }
const PROOF = len(4, Buffer.from('proof'))

/** A body that says all that its method may be told. */
const WHOLE = {
  Sign: {
    token: TOKEN,
    verb: 1,
    objectAddress: { containerId: { value: BYTES(32) }, objectId: { value: BYTES(31) } },
    data: [BYTES(3), BYTES(0)],
  },
  Bind: { ownerId: OWNER, lifetime: LIFETIME, sessionKey: KEY },
  Introspect: { id: ID, token: undefined, jwt: '' },
  Revoke: { id: ID },
  List: { ownerId: OWNER, skip: 3n, take: 7, openOnly: true },
  IssueJwt: { id: ID, audience: ['a gateway'], lifetime: LIFETIME },
} as const

/** Reads a request whose body differs in `parts`. `after`: fields of the request behind the others. */
function read(name: Name, parts: object = {}, after = name === 'Bind' ? PROOF : Buffer.alloc(0)) {
  const body = tokensBody(name, WHOLE[name] as never, { epoch: 5n, ...parts })
  const signed = signRequest(
    { body, meta: tokensMeta({ epoch: 9n }) },
    alice,
    METHODS[name].request,
  )
  return readTokensRequest(Buffer.concat([signed, after]), READERS[name] as TokensMethod<unknown>)
}

test.each<[Name, object]>([
  [
    'Sign',
    {
      token: SessionToken.encode(TOKEN).finish(),
      verb: 1,
      object: { containerId: BYTES(32), objectId: BYTES(31) },
      data: [BYTES(3), BYTES(0)],
    },
  ],
  ['Introspect', { id: UUID }],
  ['Revoke', { id: UUID }],
  ['List', { owner: BYTES(25), skip: 3, take: 7, openOnly: true }],
  ['IssueJwt', { id: UUID, audience: ['a gateway'], lifetime: LIFETIME }],
])('a request of %s is read', (name, body) => {
  const found = read(name)
  expect(JSON.stringify(found.body, bytesAsHex)).toBe(JSON.stringify(body, bytesAsHex))
  expect(found).toMatchObject({ sentEpoch: 5n, epoch: 9n })
  expect(found.message.levels).toHaveLength(1)
})

test('a request of Bind is read with the bytes that the session key must have signed', () => {
  expect(read('Bind').body).toMatchObject({
    owner: BYTES(25),
    lifetime: LIFETIME,
    sessionKey: KEY,
    proof: Buffer.from('proof'),
    signed: Buffer.from(tokensBody('Bind', WHOLE.Bind as never, { epoch: 5n })),
  })
})

describe('what may be left out', () => {
  it.each<[Name, object, object]>([
    ['Sign', { objectAddress: undefined }, { object: undefined }],
    [
      'Sign',
      { objectAddress: { containerId: { value: BYTES(32) } } },
      { object: { containerId: Buffer.from(BYTES(32)) } },
    ],
    ['List', { take: 0, skip: 0n, openOnly: false }, { skip: 0, take: 100, openOnly: false }],
    ['IssueJwt', { lifetime: undefined }, { lifetime: undefined }],
    ['Introspect', { id: BYTES(0), token: TOKEN }, { token: expect.anything() }],
    ['Introspect', { id: BYTES(0), jwt: 'a.b.c' }, { jwt: 'a.b.c' }],
    ['IssueJwt', { audience: ['\ufeff'] }, { audience: ['\ufeff'] }],
    ['Bind', { sessionKey: BYTES(33) }, { sessionKey: BYTES(33) }],
  ])('of %s is: %o', (name, parts, body) => {
    expect(read(name, parts).body).toMatchObject(body)
  })
})

const MISSING = 'MISSING_FIELD'
const INVALID = 'INVALID_FIELD'

describe('a request is refused', () => {
  it.each<[Name, object, string, string]>([
    ['Revoke', { method: 3 }, INVALID, 'body.method'],
    ['Revoke', { epoch: 0n }, MISSING, 'body.epoch'],
    ['Revoke', { id: BYTES(0) }, MISSING, 'body.id'],
    ['Revoke', { id: BYTES(15) }, INVALID, 'body.id'],
    ['Revoke', { id: BYTES(16) }, INVALID, 'body.id'],
    [
      'Revoke',
      { id: Uint8Array.from(ID, (byte, i) => (i === 8 ? 0xc0 : byte)) },
      INVALID,
      'body.id',
    ],
    ['Sign', { token: undefined }, MISSING, 'body.token'],
    ['Sign', { data: [] }, MISSING, 'body.data'],
    ['Sign', { data: Array(65).fill(BYTES(1)) }, INVALID, 'body.data'],
    ['Sign', { data: [BYTES(65_537)] }, INVALID, 'body.data'],
    ['Sign', { objectAddress: {} }, MISSING, 'body.object_address.container_id'],
    [
      'Sign',
      { objectAddress: { containerId: { value: BYTES(0) } } },
      MISSING,
      'body.object_address.container_id',
    ],
    [
      'Sign',
      { objectAddress: { containerId: { value: BYTES(32) }, objectId: { value: BYTES(0) } } },
      MISSING,
      'body.object_address.object_id.value',
    ],
    ['Bind', { ownerId: undefined }, MISSING, 'body.owner_id'],
    ['Bind', { ownerId: { value: BYTES(0) } }, MISSING, 'body.owner_id.value'],
    ['Bind', { ownerId: { value: BYTES(65) } }, INVALID, 'body.owner_id.value'],
    ['List', { ownerId: { value: BYTES(60_000) } }, INVALID, 'body.owner_id.value'],
    ['Bind', { lifetime: undefined }, MISSING, 'body.lifetime'],
    ['Bind', { lifetime: { exp: 1n, nbf: 2n, iat: 1n } }, INVALID, 'body.lifetime.nbf'],
    ['Bind', { sessionKey: BYTES(0) }, MISSING, 'body.session_key'],
    ['Bind', { sessionKey: BYTES(31) }, INVALID, 'body.session_key'],
    ['Introspect', { id: BYTES(0) }, MISSING, 'body.id'],
    ['Introspect', { jwt: 'a.b.c' }, INVALID, 'body'],
    ['List', { take: 101 }, INVALID, 'body.take'],
    ['List', { skip: 2n ** 53n }, INVALID, 'body.skip'],
    ['IssueJwt', { audience: [] }, MISSING, 'body.audience'],
    ['IssueJwt', { audience: Array(9).fill('a') }, INVALID, 'body.audience'],
    ['IssueJwt', { audience: [''] }, INVALID, 'body.audience'],
    ['IssueJwt', { audience: ['a'.repeat(257)] }, INVALID, 'body.audience'],
  ])('%s with %o', (name, parts, code, field) => {
    expect(refusal(() => read(name, parts), `sessiond.v1.${name}Request`)).toEqual({ code, field })
  })

  it('where a key is to be bound without a proof', () => {
    const run = () => read('Bind', {}, Buffer.alloc(0))
    expect(refusal(run, 'sessiond.v1.BindRequest')).toEqual({ code: MISSING, field: 'proof' })
  })
})

function bytesAsHex(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') {
    return `${value}`
  }
  const bytes = value as { type?: string; data?: number[] }
  if (bytes?.type === 'Buffer') {
    return Buffer.from(bytes.data ?? []).toString('hex')
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
