import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SessionToken } from '#generated/service/meta'
import { ownerText } from '../../src/core/owner-text.js'
import { uuidBytes, uuidText } from '../../src/core/uuid.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { n3Account } from '../../src/crypto/n3.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { readMessage } from '../../src/envelope/message.js'
import { signRequest } from '../../src/envelope/sign.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import { checkToken, issueToken, type TokenOptions, tokenToText } from '../../src/tokens/index.js'
import {
  type CreateClient,
  type Created,
  type CreateParts,
  createClient,
  createRequest,
  epochNow,
  newOwner,
  type Refused,
} from '../support/create.js'
import { carol, carolSha512, len } from '../support/envelope.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import {
  METHODS,
  type TokensClient,
  tokensBody,
  tokensClient,
  tokensMeta,
} from '../support/tokens-client.js'

const ISSUER = 'https://sessions.example'
const GATEWAY_TOKEN = 'a-gateway-token-of-enough-characters'
const directory = await temporaryDirectory(afterAll)
const dataDir = join(directory, 'data')
const service = newOwner()
const container = Buffer.alloc(32, 0xc0)
let server: ServerProcess
let create: CreateClient
let client: TokensClient

beforeAll(async () => {
  const signers = join(directory, 'signers.json')
  const key = Buffer.from(service.publicKey).toString('hex')
  await writeFile(signers, JSON.stringify({ [key]: ['OBJECT_PUT'] }))
  const tokensFile = join(directory, 'introspection-tokens.json')
  await writeFile(tokensFile, JSON.stringify({ gateway: GATEWAY_TOKEN }))
  server = await startServer({
    dataDir,
    args: [
      ...['--signers', signers, '--signs-per-second', '1', '--issuer', ISSUER],
      ...['--introspection-tokens', tokensFile, '--retention', '1h'],
    ],
  })
  const { stdout } = await sessiond(['identity', '--data-dir', dataDir])
  create = createClient(server.ready.grpc)
  client = tokensClient(server.ready.grpc, Buffer.from(stdout.trim(), 'hex'))
})
afterAll(async () => {
  create?.close()
  client?.close()
  await server?.stop()
})

interface Opened {
  readonly owner: Signer
  readonly ownerId: Uint8Array
  readonly session: Created & TokenOptions['session']
}

/** A session of a new owner, or of this one. */
async function opened(owner = newOwner(), parts: CreateParts = {}): Promise<Opened> {
  const ownerId = parts.owner ?? owner.publicKey
  const now = epochNow()
  const lifetime = { exp: now + 3600n, nbf: now, iat: now, ...parts.lifetime }
  const created = await create.create(createRequest({ signer: owner, ...parts, lifetime }))
  return { owner, ownerId, session: { ...created, owner: ownerId, lifetime } }
}

async function tokenOf({ session, owner }: Opened, options: Partial<TokenOptions> = {}) {
  const object = { containerId: container }
  const bytes = await issueToken({ session, verb: 'OBJECT_PUT', object, ...options }, owner)
  return { bytes, token: SessionToken.decode(bytes) }
}

const data = [Buffer.from('an object'), Buffer.alloc(0), Buffer.alloc(60_000, 7)]
const put = async (of: Opened, options?: Partial<TokenOptions>) => ({
  token: (await tokenOf(of, options)).token,
  verb: 0,
  objectAddress: { containerId: { value: container }, objectId: undefined },
  data,
})
const byId = (id: string) => ({ id: uuidBytes(id), token: undefined, jwt: '' })

const jwks = async () =>
  (await (await fetch(`${server.ready.http}/.well-known/jwks.json`)).json()) as JSONWebKeySet

/** What a call is refused with. */
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'nothing',
    (error: Refused) => [error.code, error.reason, error.metadata.reason].filter(Boolean).join(' '),
  )

describe('Sign', () => {
  it.each([
    ['its owner', () => newOwner(), undefined],
    ['an N3 account', () => carol, n3Account(carol.publicKey)],
  ])('signs for %s, with the key of the session', async (_, newSigner, owner) => {
    const of = await opened(newSigner(), owner && { owner })
    const { signatures } = await client.call('Sign', await put(of), of.owner)
    expect(signatures).toHaveLength(data.length)
    data.forEach((content, i) => {
      const signature = signatures[i] as Uint8Array
      expect(sodiumEd25519.verify(of.session.publicKey, content, signature)).toBe(true)
    })
  })

  it('signs for a service that the operator named, while the owner is away', async () => {
    const of = await opened()
    const { signatures } = await client.call('Sign', await put(of), service)
    expect(signatures).toHaveLength(data.length)
  })

  it('is counted, and audited by session and signer', async () => {
    const of = await opened()
    const count = async () => {
      const text = await (await fetch(`${server.ready.http}/metrics`)).text()
      return Number(/^sessiond_session_signatures_total (\d+)$/m.exec(text)?.[1])
    }
    const before = await count()
    await client.call('Sign', await put(of), service)
    expect(await count()).toBe(before + data.length)
    const lines = (await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).trim().split('\n')
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      action: 'sign',
      who: `key ${Buffer.from(service.publicKey).toString('hex')}`,
      session_id: of.session.id,
      verb: 'OBJECT_PUT',
      signatures: data.length,
    })
  })

  it('signs no more than the session may, in bursts of 64 at least', async () => {
    const of = await opened()
    const request = { ...(await put(of)), data: Array.from({ length: 64 }, () => Buffer.of(1)) }
    await client.call('Sign', request, of.owner)
    expect(await refusal(client.call('Sign', request, of.owner))).toBe(
      'RESOURCE_EXHAUSTED RATE_LIMITED',
    )
    // Another session has its own.
    const another = await opened(of.owner)
    await client.call('Sign', { ...request, ...(await put(another)) }, of.owner)
  })

  it('refuses a token that its owner signed for the session of someone else', async () => {
    const [mine, theirs] = [await opened(), await opened()]
    const stolen = { ...mine, session: { ...theirs.session, owner: mine.ownerId } }
    expect(await refusal(client.call('Sign', await put(stolen), mine.owner))).toBe(
      'NOT_FOUND NOT_FOUND',
    )
  })

  it('refuses a token with the key of another session of its owner', async () => {
    const owner = newOwner()
    const [one, other] = [await opened(owner), await opened(owner)]
    const mixed = { ...one, session: { ...one.session, publicKey: other.session.publicKey } }
    expect(await refusal(client.call('Sign', await put(mixed), owner))).toBe('NOT_FOUND NOT_FOUND')
  })

  const past = { nbf: epochNow() - 200n, iat: epochNow() - 200n }
  it.each<[string, (of: Opened) => Promise<[object, Signer]>, string]>([
    [
      'a stranger',
      async (of) => [await put(of), newOwner()],
      'PERMISSION_DENIED SIGNER_NOT_ALLOWED',
    ],
    [
      'a service with a verb that it may not use',
      async (of) => [{ ...(await put(of, { verb: 'OBJECT_GET' })), verb: 1 }, service],
      'PERMISSION_DENIED SIGNER_NOT_ALLOWED',
    ],
    [
      'another verb than the token has',
      async (of) => [{ ...(await put(of)), verb: 4 }, of.owner],
      'PERMISSION_DENIED TOKEN_REFUSED VERB_NOT_ALLOWED',
    ],
    [
      'another container',
      async (of) => [
        {
          ...(await put(of)),
          objectAddress: { containerId: { value: Buffer.alloc(32) }, objectId: undefined },
        },
        of.owner,
      ],
      'PERMISSION_DENIED TOKEN_REFUSED OBJECT_NOT_ALLOWED',
    ],
    [
      'a token that has expired',
      async (of) => [await put(of, { lifetime: { exp: epochNow() - 100n } }), of.owner],
      'PERMISSION_DENIED TOKEN_REFUSED EXPIRED',
    ],
    [
      "a token that another's key signed",
      async (of) => [await put({ ...of, owner: newOwner() }), of.owner],
      'PERMISSION_DENIED TOKEN_REFUSED OWNER_KEY_MISMATCH',
    ],
    [
      'no token',
      async (of) => [{ ...(await put(of)), token: undefined }, of.owner],
      'INVALID_ARGUMENT MISSING_FIELD',
    ],
    [
      'nothing to sign',
      async (of) => [{ ...(await put(of)), data: [] }, of.owner],
      'INVALID_ARGUMENT MISSING_FIELD',
    ],
    [
      '65 byte strings',
      async (of) => [
        { ...(await put(of)), data: Array.from({ length: 65 }, () => Buffer.of(1)) },
        of.owner,
      ],
      'INVALID_ARGUMENT INVALID_FIELD',
    ],
    [
      'a byte string of more than 64 KiB',
      async (of) => [{ ...(await put(of)), data: [Buffer.alloc(65_537)] }, of.owner],
      'INVALID_ARGUMENT INVALID_FIELD',
    ],
  ])('refuses %s', async (_, asked, expected) => {
    const of = await opened(newOwner(), { lifetime: past })
    const [request, signer] = await asked(of)
    expect(await refusal(client.call('Sign', request as never, signer))).toBe(expected)
  })

  it('signs nothing after the owner has revoked the session', async () => {
    const of = await opened()
    const request = await put(of)
    await client.call('Sign', request, of.owner)
    await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    for (const signer of [of.owner, service]) {
      expect(await refusal(client.call('Sign', request, signer))).toBe(
        'FAILED_PRECONDITION SESSION_ENDED',
      )
    }
  })
})

describe('Revoke', () => {
  it('ends a session for its owner, once, and says when', async () => {
    const of = await opened()
    const before = Date.now()
    const first = await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(first.endedNow).toBe(true)
    expect(Number(first.endTimeMs)).toBeGreaterThanOrEqual(before)
    const second = await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(second).toEqual({ endedNow: false, endTimeMs: first.endTimeMs })
  })

  it("ends a session for the session's own key, by what that key signs", async () => {
    const of = await opened()
    const token = await put(of)
    const body = tokensBody('Revoke', { id: uuidBytes(of.session.id) })
    const meta = tokensMeta()
    const parts = [body, meta, Buffer.of()]
    const { signatures } = await client.call('Sign', { ...token, data: parts }, of.owner)
    const signed = new Map(
      parts.map((part, i) => [Buffer.from(part).toString('hex'), signatures[i]]),
    )
    const own: Signer = {
      publicKey: of.session.publicKey,
      sign: (message) => signed.get(Buffer.from(message).toString('hex')) as Uint8Array,
    }
    await client.send('Revoke', signRequest({ body, meta }, own, METHODS.Revoke.request))
    const after = await client.call('Introspect', byId(of.session.id), of.owner)
    expect(after).toMatchObject({ active: false, reason: 'ENDED', endReason: 'revoked' })
  })

  it('knows of no session where the signer is a stranger, or a service', async () => {
    const of = await opened()
    for (const signer of [newOwner(), service]) {
      expect(await refusal(client.call('Revoke', { id: uuidBytes(of.session.id) }, signer))).toBe(
        'NOT_FOUND NOT_FOUND',
      )
    }
    expect(await client.call('Introspect', byId(of.session.id), of.owner)).toMatchObject({
      active: true,
    })
  })
})

describe('Introspect', () => {
  it('tells the owner, and a service, of a session by its id', async () => {
    const of = await opened()
    for (const signer of [of.owner, service]) {
      const found = await client.call('Introspect', byId(of.session.id), signer)
      expect(found).toMatchObject({
        active: true,
        reason: '',
        lifetime: of.session.lifetime,
        endTimeMs: 0n,
        endReason: '',
      })
      expect(Buffer.compare(found.id, uuidBytes(of.session.id))).toBe(0)
      expect(Buffer.compare(found.ownerId?.value as Uint8Array, of.ownerId)).toBe(0)
      expect(Buffer.compare(found.sessionKey, of.session.publicKey)).toBe(0)
    }
  })

  it('tells others nothing by an id, and everyone by a token', async () => {
    const of = await opened()
    const stranger = newOwner()
    expect(await client.call('Introspect', byId(of.session.id), stranger)).toMatchObject({
      active: false,
      reason: 'NOT_FOUND',
      ownerId: undefined,
    })
    const { token } = await tokenOf(of)
    const asked = { id: Buffer.of(), token, jwt: '' }
    expect(await client.call('Introspect', asked, stranger)).toMatchObject({ active: true })
    await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(await client.call('Introspect', asked, stranger)).toMatchObject({
      active: false,
      reason: 'ENDED',
      endReason: 'revoked',
    })
  })

  it('says why a token or a JWT is refused, and nothing of the session that it names', async () => {
    const of = await opened()
    const forged = SessionToken.decode((await tokenOf({ ...of, owner: newOwner() })).bytes)
    const ask = (given: object) =>
      client.call(
        'Introspect',
        { id: Buffer.of(), token: undefined, jwt: '', ...given },
        newOwner(),
      )
    const reasons = { token: forged, jwt: 'a.b.c' }
    expect(await ask({ token: reasons.token })).toMatchObject({
      reason: 'OWNER_KEY_MISMATCH',
      id: new Uint8Array(),
    })
    expect(await ask({ jwt: reasons.jwt })).toMatchObject({
      reason: 'MALFORMED',
      id: new Uint8Array(),
    })
  })

  it('is not asked about two things, or none', async () => {
    const of = await opened()
    const both = { ...byId(of.session.id), jwt: 'a.b.c' }
    const none = { id: Buffer.of(), token: undefined, jwt: '' }
    expect(await refusal(client.call('Introspect', both, of.owner))).toBe(
      'INVALID_ARGUMENT INVALID_FIELD',
    )
    expect(await refusal(client.call('Introspect', none, of.owner))).toBe(
      'INVALID_ARGUMENT MISSING_FIELD',
    )
  })
})

describe('List', () => {
  const page = (of: Opened, parts: object = {}) => ({
    ownerId: { value: of.ownerId },
    skip: 0n,
    take: 0,
    openOnly: false,
    ...parts,
  })

  it("has the owner's sessions, the newest first, with how they ended", async () => {
    const first = await opened()
    const second = await opened(first.owner)
    await client.call('Revoke', { id: uuidBytes(first.session.id) }, first.owner)
    const { sessions } = await client.call('List', page(first), first.owner)
    const facts = sessions.map(({ id, active, endReason }) => [
      Buffer.from(id).toString('hex'),
      active,
      endReason,
    ])
    const hexId = ({ session }: Opened) => session.id.replaceAll('-', '')
    expect(facts).toEqual([
      [hexId(second), true, ''],
      [hexId(first), false, 'revoked'],
    ])
    const open = await client.call('List', page(first, { openOnly: true }), first.owner)
    expect(open.sessions).toHaveLength(1)
    const skipped = await client.call('List', page(first, { skip: 1n, take: 1 }), first.owner)
    expect(skipped.sessions.map(({ active }) => active)).toEqual([false])
  })

  it('is for the owner alone', async () => {
    const of = await opened()
    for (const signer of [newOwner(), service]) {
      expect(await refusal(client.call('List', page(of), signer))).toBe(
        'PERMISSION_DENIED OWNER_KEY_MISMATCH',
      )
    }
  })
})

describe('IssueJwt', () => {
  const jwtOf = async (of: Opened, parts: object = {}) => {
    const asked = {
      id: uuidBytes(of.session.id),
      audience: ['gateway'],
      lifetime: undefined,
      ...parts,
    }
    return (await client.call('IssueJwt', asked, of.owner)).jwt
  }
  const keys = async () => createLocalJWKSet(await jwks())

  it('is audited by session, signer and audience', async () => {
    const of = await opened()
    const { jti } = decodeJwt(await jwtOf(of, { audience: ['one', 'two'] }))
    const lines = (await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).trim().split('\n')
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      ...{ action: 'issue-jwt', session_id: of.session.id, audience: 'one two', jti },
      who: `key ${Buffer.from(of.owner.publicKey).toString('hex')}`,
    })
  })

  it('gives a JWT that `jose` accepts by the JWKS, bound to the key of the session', async () => {
    const of = await opened()
    const { payload, protectedHeader } = await jwtVerify(await jwtOf(of), await keys(), {
      issuer: ISSUER,
      audience: 'gateway',
      algorithms: ['EdDSA'],
    })
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'JWT', kid: expect.any(String) })
    expect(payload).toMatchObject({
      sub: ownerText(of.ownerId),
      sid: of.session.id,
      nbf: Number(of.session.lifetime.nbf),
      exp: Number(of.session.lifetime.exp) + 1,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      cnf: {
        jwk: {
          kty: 'OKP',
          crv: 'Ed25519',
          x: Buffer.from(of.session.publicKey).toString('base64url'),
        },
      },
    })
  })

  it('gives no JWT that outlives its session, nor one of a session that has ended', async () => {
    const of = await opened()
    const { nbf, exp, iat } = of.session.lifetime
    const shorter = { nbf, exp: exp - 10n, iat }
    const { payload } = await jwtVerify(await jwtOf(of, { lifetime: shorter }), await keys())
    expect(payload.exp).toBe(Number(exp) - 9)
    expect(await refusal(jwtOf(of, { lifetime: { nbf, exp: exp + 1n, iat } }))).toBe(
      'INVALID_ARGUMENT INVALID_LIFETIME',
    )
    await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(await refusal(jwtOf(of))).toBe('FAILED_PRECONDITION SESSION_ENDED')
  })

  it('is for the owner alone, and for someone', async () => {
    const of = await opened()
    expect(await refusal(jwtOf({ ...of, owner: service }))).toBe('NOT_FOUND NOT_FOUND')
    expect(await refusal(jwtOf(of, { audience: [] }))).toBe('INVALID_ARGUMENT MISSING_FIELD')
    expect(await refusal(jwtOf(of, { audience: [''] }))).toBe('INVALID_ARGUMENT INVALID_FIELD')
  })

  it('is introspected as long as its session lives', async () => {
    const of = await opened()
    const asked = { id: Buffer.of(), token: undefined, jwt: await jwtOf(of) }
    expect(await client.call('Introspect', asked, newOwner())).toMatchObject({ active: true })
    await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(await client.call('Introspect', asked, newOwner())).toMatchObject({ reason: 'ENDED' })
  })
})

/** A session for this key, proved by it or by another. */
async function bind(
  owner: Signer,
  sessionKey: Signer,
  parts: { proof?: Uint8Array; id?: string; lasts?: bigint } = {},
) {
  const now = epochNow()
  const lifetime = { exp: now + (parts.lasts ?? 3600n), nbf: now, iat: now }
  const asked = { ownerId: { value: owner.publicKey }, lifetime, sessionKey: sessionKey.publicKey }
  const body = tokensBody('Bind', asked)
  const xHeaders = parts.id === undefined ? [] : [{ key: 'idempotency-key', value: parts.id }]
  const request = signRequest({ body, meta: tokensMeta({ xHeaders }) }, owner, METHODS.Bind.request)
  const proof = parts.proof ?? sessionKey.sign(body)
  const answer = await client.send('Bind', Buffer.concat([request, len(4, proof)]))
  const { message } = readMessage(answer, METHODS.Bind.response)
  const { id, sessionKey: key } = METHODS.Bind.answer.decode(message.body)
  return { id, key, lifetime, request, proof }
}

describe('Bind', () => {
  it.each([
    ['Ed25519', newOwner()],
    ['P-256', carol],
    ['P-256 with SHA-512', carolSha512],
  ])('opens a session for a key that the client holds: %s', async (_, sessionKey) => {
    const owner = newOwner()
    const { id, key, lifetime } = await bind(owner, sessionKey)
    expect(Buffer.compare(key, sessionKey.publicKey)).toBe(0)
    const asked = { id, token: undefined, jwt: '' }
    // Its owner may ask, and the key itself.
    for (const signer of [owner, sessionKey]) {
      expect(await client.call('Introspect', asked, signer)).toMatchObject({
        active: true,
        lifetime,
      })
    }
    const session = { id: uuidText(id), publicKey: key, owner: owner.publicKey, lifetime }
    const token = await issueToken({ session, verb: 'OBJECT_GET' }, owner)
    const content = Buffer.from('a request')
    const proof = { content, signature: sessionKey.sign(content) }
    const use = { verb: 'OBJECT_GET', epoch: epochNow(), proof } as const
    expect(checkToken(token, use).isGood).toBe(true)
    // The server cannot sign with it.
    const sign = {
      token: SessionToken.decode(token),
      verb: 1,
      objectAddress: undefined,
      data: [content],
    }
    expect(await refusal(client.call('Sign', sign, owner))).toBe('INVALID_ARGUMENT INVALID_FIELD')
    const { jwt } = await client.call(
      'IssueJwt',
      { id, audience: ['a'], lifetime: undefined },
      sessionKey,
    )
    expect(decodeJwt(jwt)).toMatchObject({
      cnf: { jwk: { crv: key.length === 32 ? 'Ed25519' : 'P-256' } },
    })
    expect((await client.call('Revoke', { id }, sessionKey)).endedNow).toBe(true)
  })

  it('wants the key to prove itself, over this very body', async () => {
    const [owner, key] = [newOwner(), newOwner()]
    const refused = (proof: Uint8Array) => refusal(bind(owner, key, { proof }))
    expect(await refused(owner.sign(Buffer.from('x')))).toBe('UNAUTHENTICATED BAD_SIGNATURE')
    expect(await refused(new Uint8Array(64))).toBe('UNAUTHENTICATED BAD_SIGNATURE')
    expect(await refused((await bind(newOwner(), key)).proof)).toBe('UNAUTHENTICATED BAD_SIGNATURE')
    expect(await refused(Buffer.of())).toBe('INVALID_ARGUMENT MISSING_FIELD')
  })

  it('checks what costs nothing before any signature', async () => {
    const [owner, key] = [newOwner(), newOwner()]
    const proof = owner.sign(Buffer.from('x'))
    const century = 100n * 366n * 86_400n
    expect(await refusal(bind(owner, key, { proof, lasts: century }))).toBe(
      'INVALID_ARGUMENT INVALID_LIFETIME',
    )
  })

  it('gives the same session for the same idempotency key and body', async () => {
    const [owner, key] = [newOwner(), newOwner()]
    const { id, request, proof } = await bind(owner, key, { id: 'once' })
    const again = await client.send('Bind', Buffer.concat([request, len(4, proof)]))
    const { body } = readMessage(again, METHODS.Bind.response).message
    expect(Buffer.compare(METHODS.Bind.answer.decode(body).id, id)).toBe(0)
  })

  it('keeps its proof when a node forwards it', async () => {
    const [owner, key] = [newOwner(), newOwner()]
    const { request, proof } = await bind(owner, key)
    const whole = Buffer.concat([request, len(4, proof)])
    const wrapped = wrapRequest(whole, newOwner(), { shape: METHODS.Bind.request })
    expect(await refusal(client.send('Bind', wrapped))).toBe('nothing')
  })

  it('leaves a store that is whole, before and after a restart, and after a backup', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const other = await startServer({ dataDir })
    const { stdout } = await sessiond(['identity', '--data-dir', dataDir])
    const local = tokensClient(other.ready.grpc, Buffer.from(stdout.trim(), 'hex'))
    const shared = client
    client = local
    const { id } = await bind(newOwner(), carol)
    client = shared
    local.close()
    const backup = join(dataDir, 'copy.backup')
    const args = ['--server', other.ready.grpc]
    expect(await sessiond(['check', ...args])).toMatchObject({ code: 0 })
    expect(await sessiond(['backup', backup, ...args])).toMatchObject({ code: 0 })
    await other.stop()
    const restored = join(dataDir, 'restored')
    expect(await sessiond(['restore', backup, '--data-dir', restored])).toMatchObject({ code: 0 })
    expect(await sessiond(['repair', '--data-dir', dataDir])).toMatchObject({ code: 0 })
    for (const file of ['sealing-keys.json', 'identity.pem']) {
      await copyFile(join(dataDir, file), join(restored, file))
    }
    for (const place of [dataDir, restored]) {
      expect(await sessiond(['check', '--data-dir', place])).toMatchObject({ code: 0 })
      const again = await startServer({ dataDir: place })
      const asking = tokensClient(again.ready.grpc, Buffer.from(stdout.trim(), 'hex'))
      expect(
        await asking.call('Introspect', { id, token: undefined, jwt: '' }, carol),
      ).toMatchObject({ active: true })
      asking.close()
      await again.stop()
    }
  })
})

describe('every method', () => {
  it.each(Object.keys(METHODS).filter((name) => name !== 'Bind'))(
    '%s refuses what is not signed, or not now',
    async (name) => {
      const bodies: Record<string, object> = {
        Sign: { ...(await put(await opened())) },
        Introspect: byId((await opened()).session.id),
        Revoke: { id: uuidBytes((await opened()).session.id) },
        List: { ownerId: { value: Buffer.of(1) }, skip: 0n, take: 0, openOnly: false },
        IssueJwt: {
          id: uuidBytes((await opened()).session.id),
          audience: ['a'],
          lifetime: undefined,
        },
      }
      const owner = newOwner()
      const forged: Signer = { publicKey: owner.publicKey, sign: () => new Uint8Array(64) }
      const send = (parts: object, signer = owner) => {
        const body = tokensBody(name as 'Revoke', bodies[name] as never, parts)
        const { request } = METHODS[name as 'Revoke']
        return refusal(
          client.send(name, signRequest({ body, meta: tokensMeta() }, signer, request)),
        )
      }
      expect(await send({}, forged)).toBe('UNAUTHENTICATED BAD_SIGNATURE')
      expect(await send({ epoch: 0n })).toBe('INVALID_ARGUMENT MISSING_FIELD')
      expect(await send({ epoch: epochNow() - 3600n })).toBe('FAILED_PRECONDITION EPOCH_DRIFT')
      expect(await send({ epoch: epochNow() + 3600n })).toBe('FAILED_PRECONDITION EPOCH_DRIFT')
      // What was signed for another method.
      expect(await send({ method: 6 })).toBe('INVALID_ARGUMENT INVALID_FIELD')
      expect(await refusal(client.send(name, Buffer.of()))).toBe('INVALID_ARGUMENT MISSING_FIELD')
      expect(await refusal(client.send(name, Buffer.from('not protobuf')))).toBe(
        'INVALID_ARGUMENT MALFORMED',
      )
    },
  )

  it('takes no body that was signed to open a session, nor Create one of theirs', async () => {
    const owner = newOwner()
    const body = tokensBody('Revoke', { id: uuidBytes((await opened(owner)).session.id) })
    const meta = tokensMeta()
    expect(await refusal(create.create(signRequest({ body, meta }, owner)))).toBe(
      'INVALID_ARGUMENT MALFORMED',
    )
    const opening = createRequest({ signer: owner })
    expect(await refusal(client.send('Revoke', opening))).toBe('INVALID_ARGUMENT MALFORMED')
  })
})

describe('over HTTP', () => {
  const introspect = (token: string, authorization?: string, more: RequestInit = {}) =>
    fetch(`${server.ready.http}/oauth2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: authorization === undefined ? {} : { authorization },
      ...more,
    })
  const asGateway = async (token: string) =>
    (await introspect(token, `Bearer ${GATEWAY_TOKEN}`)).json()

  it('nobody may ask where the file of tokens names none any more', async () => {
    const file = join(directory, 'no-tokens.json')
    await writeFile(file, '{}')
    const bare = await startServer({
      dataDir: join(directory, 'bare'),
      args: ['--introspection-tokens', file],
    })
    onTestFinished(async () => void (await bare.stop()))
    const body = new URLSearchParams({ token: 'x' })
    const answer = await fetch(`${bare.ready.http}/oauth2/introspect`, { method: 'POST', body })
    expect(answer.status).toBe(401)
  })

  it('a resource server learns that a session token is active, and whose it is', async () => {
    const of = await opened()
    const { bytes } = await tokenOf(of)
    expect(await asGateway(tokenToText(bytes))).toEqual({
      active: true,
      iss: ISSUER,
      sub: ownerText(of.ownerId),
      scope: 'OBJECT_PUT',
      nbf: Number(of.session.lifetime.nbf),
      exp: Number(of.session.lifetime.exp) + 1,
      iat: Number(of.session.lifetime.iat),
      sid: of.session.id,
      cnf: {
        jwk: {
          kty: 'OKP',
          crv: 'Ed25519',
          x: Buffer.from(of.session.publicKey).toString('base64url'),
        },
      },
    })
    await client.call('Revoke', { id: uuidBytes(of.session.id) }, of.owner)
    expect(await asGateway(tokenToText(bytes))).toEqual({ active: false })
  })

  it('and the same of a JWT', async () => {
    const of = await opened()
    const asked = { id: uuidBytes(of.session.id), audience: ['a', 'b'], lifetime: undefined }
    const { jwt } = await client.call('IssueJwt', asked, of.owner)
    expect(await asGateway(jwt)).toMatchObject({
      active: true,
      aud: ['a', 'b'],
      sid: of.session.id,
    })
    const [header, , signature] = jwt.split('.')
    const other = Buffer.from('{"sub":"x","sid":"y"}').toString('base64url')
    expect(await asGateway(`${header}.${other}.${signature}`)).toEqual({ active: false })
    expect(await asGateway('nothing like it')).toEqual({ active: false })
  })

  it('nobody else may ask', async () => {
    for (const authorization of [
      undefined,
      'Bearer another-token-of-characters',
      'Basic Zm9vOmJhcg==',
    ]) {
      const response = await introspect('a', authorization)
      expect([response.status, await response.json()]).toEqual([401, { error: 'invalid_client' }])
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  it.each<[string, RequestInit, number]>([
    ['GET', { method: 'GET', body: null }, 405],
    [
      'JSON',
      {
        body: '{"token":"a"}',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${GATEWAY_TOKEN}` },
      },
      400,
    ],
    ['a form without a token', { body: new URLSearchParams({ other: 'a' }) }, 400],
    [
      'a form with two tokens',
      {
        body: new URLSearchParams([
          ['token', 'a'],
          ['token', 'b'],
        ]),
      },
      400,
    ],
    ['a body of 9 KB', { body: new URLSearchParams({ token: 'a'.repeat(9000) }) }, 400],
  ])('%s is no such request', async (_, more, status) => {
    const response = await introspect('a', `Bearer ${GATEWAY_TOKEN}`, more)
    expect([response.status, await response.json()]).toEqual([status, { error: 'invalid_request' }])
  })

  it('tools find out where all of it is', async () => {
    const response = await fetch(`${server.ready.http}/.well-known/oauth-authorization-server`)
    expect(await response.json()).toEqual({
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      introspection_endpoint: `${ISSUER}/oauth2/introspect`,
      introspection_endpoint_auth_methods_supported: ['Bearer'],
      response_types_supported: [],
    })
  })

  it('the JWKS has the current and the next identity, and no private key', async () => {
    const before = await jwks()
    expect(before.keys).toHaveLength(1)
    const { code } = await sessiond([
      'rotate-keys',
      '--server',
      server.ready.grpc,
      '--identity',
      'announce',
    ])
    expect(code).toBe(0)
    const after = await jwks()
    expect(after.keys).toHaveLength(2)
    expect(after.keys[0]).toEqual(before.keys[0])
    for (const key of after.keys) {
      expect(key).toEqual({
        ...{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' },
        x: expect.stringMatching(/^[\w-]{43}$/),
        kid: expect.stringMatching(/^[\w-]{43}$/),
      })
    }
  })
})
