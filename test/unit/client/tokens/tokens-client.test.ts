import { status } from '@grpc/grpc-js'
import { base58, hex } from '@scure/base'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type CallOptions,
  connect,
  generateKey,
  ownerIdOf,
  RefusedError,
  ServerUnavailableError,
  signerOf,
  type TokenSigner,
  TokensClient,
  UntrustedResponseError,
} from '../../../../src/client/index.js'
import { TokenRefusedError } from '../../../../src/core/errors.js'
import { uuidBytes } from '../../../../src/core/uuid.js'
import { nodeEd25519 } from '../../../../src/crypto/node-ed25519.js'
import { verifyChain } from '../../../../src/envelope/chain.js'
import {
  bindMethod,
  introspectMethod,
  issueJwtMethod,
  listMethod,
  readTokensRequest,
  revokeMethod,
  signMethod,
} from '../../../../src/envelope/tokens.js'
import { toStatus } from '../../../../src/grpc/pipeline/status.js'
import { epochNow, newOwner } from '../../../support/create.js'
import { carol, verifiers } from '../../../support/envelope.js'
import {
  type Act,
  silence,
  startScriptedServer,
  tokensAnswer,
  unavailable,
} from '../../../support/scripted-server.js'
import { tokenWith } from '../../../support/tokens.js'

const server = newOwner()
const owner = newOwner()
const ID = '00112233-4455-4677-8899-aabbccddeeff'
const token = tokenWith()
const lifetime = { exp: 30n, nbf: 10n, iat: 10n }
const sessionKey = newOwner().publicKey
const object = { containerId: Buffer.alloc(32, 1), objectId: Buffer.alloc(32, 2) }
const data = [Buffer.from('an object'), Buffer.alloc(0)]
const signatures = [Buffer.alloc(64, 1), Buffer.alloc(64, 2)]

/** A client of a server that acts this script. */
async function clientOf(script: readonly Act[], signer: TokenSigner = owner) {
  const scripted = await startScriptedServer(onTestFinished, ...script)
  const connection = connect(scripted.address, { serverKeys: [server.publicKey] })
  onTestFinished(() => connection.close())
  return { scripted, client: new TokensClient(connection, signer) }
}

const sign = (client: TokensClient, options?: CallOptions) =>
  client.sign({ token, verb: 'OBJECT_GET', object, data }, options)
const signed = tokensAnswer(server, 'Sign', { signatures })
const revoked = tokensAnswer(server, 'Revoke', { endedNow: true, endTimeMs: 5n })

describe('TokensClient', () => {
  it('asks for signatures under a token', async () => {
    const { client, scripted } = await clientOf([signed])
    expect((await sign(client)).map((one) => Buffer.from(one))).toEqual(signatures)
    const request = readTokensRequest(scripted.requests[0] as Buffer, signMethod)
    expect(Buffer.from(request.body.token)).toEqual(Buffer.from(token))
    expect(request.body).toMatchObject({ verb: 1, object })
    expect(request.body.data.map((one) => Buffer.from(one))).toEqual(data)
    expect(Buffer.from(verifyChain(request.message, verifiers))).toEqual(
      Buffer.from(owner.publicKey),
    )
    expect(Number(epochNow() - request.sentEpoch)).toBeLessThan(60)
  })

  it('opens a session for a key that it holds, and proves it', async () => {
    const id = uuidBytes(ID)
    const { client, scripted } = await clientOf([
      tokensAnswer(server, 'Bind', { id, sessionKey: carol.publicKey }),
    ])
    const bound = await client.bind({ sessionKey: carol, lifetimeMs: 60_000, clientName: 'me' })
    const { body, ...meta } = readTokensRequest(scripted.requests[0] as Buffer, bindMethod)
    expect(verifiers.body(carol.publicKey, body.proof, body.signed)).toBe(true)
    expect(meta).toMatchObject({
      client: 'me',
      idempotencyKey: expect.stringMatching(/^[\da-f-]+$/),
    })
    expect(body.lifetime.exp - body.lifetime.iat).toBe(60n)
    expect(bound).toEqual({
      ...{ id: ID, publicKey: carol.publicKey, owner: body.owner, lifetime: body.lifetime },
      serverKey: server.publicKey,
    })
  })

  it('asks for the same bound session again with the same key and issue time', async () => {
    const { client, scripted } = await clientOf([
      tokensAnswer(server, 'Bind', { id: uuidBytes(ID), sessionKey: carol.publicKey }),
    ])
    const same = { idempotencyKey: 'mine', issueTimeMs: 1e12, owner: Buffer.from('team') }
    await client.bind({ sessionKey: carol, lifetimeMs: 60_000, ...same })
    await client.bind({ sessionKey: carol, lifetimeMs: 60_000, ...same })
    const [first, second] = scripted.requests.map((one) => readTokensRequest(one, bindMethod))
    expect(second?.body.signed).toEqual(first?.body.signed)
    expect(second?.idempotencyKey).toBe('mine')
    expect(first?.body.lifetime.iat).toBe(BigInt(1e9))
  })

  it.each([
    ['an id', { id: ID.toUpperCase() }, { id: ID }],
    ['a token', { token }, { token: Buffer.from(token) }],
    ['a JWT', { jwt: 'a.b.c' }, { jwt: 'a.b.c' }],
  ])('asks about %s', async (_, subject, asked) => {
    const { client, scripted } = await clientOf([
      tokensAnswer(server, 'Introspect', {
        ...{ active: true, reason: '', id: uuidBytes(ID), sessionKey, lifetime },
        ...{ ownerId: { value: owner.publicKey }, endTimeMs: 0n, endReason: '' },
      }),
    ])
    const state = await client.introspect(subject)
    expect(JSON.parse(JSON.stringify(state))).toMatchObject({
      session: { id: ID, lifetime: { exp: `${lifetime.exp}` } },
    })
    expect(state).toEqual({
      ...{ active: true, reason: null, endTimeMs: null, endReason: null },
      session: { id: ID, publicKey: sessionKey, owner: owner.publicKey, lifetime },
    })
    const request = readTokensRequest(scripted.requests[0] as Buffer, introspectMethod)
    expect(request.body).toEqual(asked)
  })

  it('tells why a session is not active, and of none more than that', async () => {
    const ended = { active: false, reason: 'ENDED', endTimeMs: 7n, endReason: 'revoked' }
    const known = { id: uuidBytes(ID), ownerId: { value: owner.publicKey }, lifetime, sessionKey }
    const unknown = { id: Buffer.alloc(0), ownerId: undefined, lifetime: undefined }
    const { client } = await clientOf([
      tokensAnswer(server, 'Introspect', { ...ended, ...known }),
      tokensAnswer(server, 'Introspect', {
        ...{ ...unknown, active: false, reason: 'NOT_FOUND', sessionKey: Buffer.alloc(0) },
        ...{ endTimeMs: 0n, endReason: '' },
      }),
    ])
    expect(await client.introspect({ id: ID })).toMatchObject({
      ...{ active: false, reason: 'ENDED', session: { id: ID } },
      ...{ endTimeMs: 7, endReason: 'revoked' },
    })
    expect(await client.introspect({ id: ID })).toEqual({
      ...{ active: false, reason: 'NOT_FOUND', session: null, endTimeMs: null, endReason: null },
    })
  })

  it('ends a session', async () => {
    const { client, scripted } = await clientOf([revoked])
    expect(await client.revoke(ID)).toMatchObject({ endedNow: true, endTimeMs: 5 })
    const request = readTokensRequest(scripted.requests[0] as Buffer, revokeMethod)
    expect(request.body).toEqual({ id: ID })
  })

  it('lists a whole page of sessions with the longest names', async () => {
    const row = {
      ...{ id: uuidBytes(ID), lifetime, sessionKey: carol.publicKey, active: false },
      ...{ openTimeMs: 1n, endTimeMs: 2n, endReason: 'superseded' },
      ...{ address: '[2001:db8::1]:65535', client: 'x'.repeat(1024) },
    }
    const sessions = Array.from({ length: 100 }, () => row)
    const { client, scripted } = await clientOf([tokensAnswer(server, 'List', { sessions })])
    const listed = await client.list({ skip: 200, openOnly: true })
    expect(listed).toHaveLength(100)
    expect(listed[99]).toEqual({
      ...{ id: ID, publicKey: carol.publicKey, owner: owner.publicKey, lifetime },
      ...{ active: false, openTimeMs: 1, endTimeMs: 2, endReason: 'superseded' },
      ...{ address: row.address, client: row.client },
    })
    // With all that JSON has no form for.
    const { exp, nbf, iat } = lifetime
    expect(JSON.parse(JSON.stringify(listed))[99]).toEqual({
      ...{ id: ID, publicKey: hex.encode(carol.publicKey), owner: base58.encode(owner.publicKey) },
      lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
      ...{ active: false, openTimeMs: 1, endTimeMs: 2, endReason: 'superseded' },
      ...{ address: row.address, client: row.client },
    })
    const { body } = readTokensRequest(scripted.requests[0] as Buffer, listMethod)
    expect(body).toEqual({ owner: owner.publicKey, skip: 200, take: 100, openOnly: true })
  })

  it('asks for a JWT as long as the session, or for less', async () => {
    const { client, scripted } = await clientOf([
      tokensAnswer(server, 'IssueJwt', { jwt: 'a.b.c' }),
    ])
    const audience = ['api', 'other']
    expect(await client.issueJwt({ id: ID, audience })).toBe('a.b.c')
    await client.issueJwt({ id: ID, audience, lifetimeMs: 5000 })
    const [whole, short] = scripted.requests.map(
      (one) => readTokensRequest(one, issueJwtMethod).body,
    )
    expect(whole).toEqual({ id: ID, audience, lifetime: undefined })
    expect((short?.lifetime?.exp ?? 0n) - (short?.lifetime?.nbf ?? 0n)).toBe(5n)
  })

  it('signs for the account of a P-256 key, and with a key that takes its time', async () => {
    const key = generateKey('p256')
    const { publicKey, sign: signNow } = signerOf(key)
    const slow = { publicKey, sign: async (message: Uint8Array) => signNow(message) }
    const { client, scripted } = await clientOf(
      [tokensAnswer(server, 'List', { sessions: [] })],
      slow,
    )
    await client.list()
    const { body, message } = readTokensRequest(scripted.requests[0] as Buffer, listMethod)
    expect(body.owner).toEqual(ownerIdOf(key))
    expect(Buffer.from(verifyChain(message, verifiers))).toEqual(Buffer.from(publicKey))
  })

  it('gives each request a key of its own, so that no two have the same digest', async () => {
    const { client, scripted } = await clientOf([revoked])
    await client.revoke(ID)
    await client.revoke(ID)
    const keys = scripted.requests.map((one) => readTokensRequest(one, revokeMethod).idempotencyKey)
    expect(new Set(keys).size).toBe(2)
  })

  it('sends the very same request again while the server is unavailable', async () => {
    const { client, scripted } = await clientOf([unavailable, unavailable, revoked])
    await client.revoke(ID)
    const [first, second, third] = scripted.requests
    expect([second, third]).toEqual([first, first])
  })

  it('gives up at its deadline', async () => {
    const { client } = await clientOf([silence])
    await expect(client.revoke(ID, { deadlineMs: 20 })).rejects.toThrow(ServerUnavailableError)
  })

  it('ends with the reason of the signal', async () => {
    const { client, scripted } = await clientOf([silence])
    const stop = new AbortController()
    const call = client.revoke(ID, { signal: stop.signal })
    await scripted.received(1)
    stop.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })

  it('tells why the server refuses', async () => {
    const refuse: Act = () => toStatus(new TokenRefusedError('EXPIRED', 'too late'))
    const { client } = await clientOf([refuse])
    const error = (await sign(client).catch((thrown) => thrown)) as RefusedError
    expect(error).toBeInstanceOf(RefusedError)
    expect([error.code, error.grpcCode, error.metadata.reason]).toEqual([
      ...['TOKEN_REFUSED', status.PERMISSION_DENIED, 'EXPIRED'],
    ])
  })

  it('sends nothing for an id that is no UUID', async () => {
    const { client, scripted } = await clientOf([revoked])
    await expect(client.revoke('login-42')).rejects.toMatchObject({ code: 'INVALID_FIELD' })
    expect(scripted.requests).toEqual([])
  })

  it.each<[string, Act, (client: TokensClient) => Promise<unknown>]>([
    ["another's signature", tokensAnswer(newOwner(), 'Sign', { signatures }), sign],
    [
      'the digest of another request',
      tokensAnswer(server, 'Sign', { signatures }, { digest: Buffer.alloc(32) }),
      sign,
    ],
    ['no digest', tokensAnswer(server, 'Sign', { signatures }, { digest: Buffer.alloc(0) }), sign],
    ['bytes that are no message', () => Buffer.from('what'), sign],
    ['no bytes', () => Buffer.alloc(0), sign],
    [
      'a body that was changed on its way',
      (request) => {
        const bytes = signed(request) as Buffer
        const at = bytes.indexOf(signatures[0] as Buffer)
        bytes[at] = 9
        return bytes
      },
      sign,
    ],
    [
      'fewer signatures than were asked for',
      tokensAnswer(server, 'Sign', { signatures: signatures.slice(1) }),
      sign,
    ],
    [
      'a session with another key',
      tokensAnswer(server, 'Bind', { id: uuidBytes(ID), sessionKey }),
      (client) => client.bind({ sessionKey: carol, lifetimeMs: 1000 }),
    ],
    [
      'a session without a lifetime',
      tokensAnswer(server, 'List', {
        sessions: [
          {
            ...{ id: uuidBytes(ID), lifetime: undefined, sessionKey, active: true, openTimeMs: 1n },
            ...{ endTimeMs: 0n, endReason: '', address: '', client: '' },
          },
        ],
      }),
      (client) => client.list(),
    ],
  ])('believes no answer with %s', async (_, act, call) => {
    const { client } = await clientOf([act])
    await expect(call(client)).rejects.toThrow(UntrustedResponseError)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses a lifetime of %s',
    async (lifetimeMs) => {
      const { client, scripted } = await clientOf([revoked])
      const bind = client.bind({ sessionKey: nodeEd25519.signer(Buffer.alloc(32)), lifetimeMs })
      await expect(bind).rejects.toThrow(RangeError)
      expect(scripted.requests).toEqual([])
    },
  )
})
