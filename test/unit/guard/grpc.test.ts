import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RequestMetaHeader, SessionToken } from '#generated/service/meta'
import { CreateRequest, CreateRequest_Body } from '#generated/session/service'
import { refusal } from '../../../src/client/connection/call.js'
import { createRequest } from '../../../src/envelope/shapes.js'
import { encodeSigned, signRequest } from '../../../src/envelope/sign.js'
import { wrapRequest } from '../../../src/envelope/wrap.js'
import {
  type GrpcGuardOptions,
  type GrpcRequestToSign,
  type GuardOptions,
  guardable,
  guardedToken,
  guardInterceptor,
  readGrpcProof,
  signGrpcRequest,
} from '../../../src/guard/index.js'
import { newOwner } from '../../support/create.js'
import { carol, hop } from '../../support/envelope.js'
import { AUDIENCE, Endings, guardAt, NOW_MS } from '../../support/guard.js'
import { CONTAINER, NBF, OBJECT, SESSION_ID, sessionKey, tokenWith } from '../../support/tokens.js'

const PATH = '/objects.v1.Objects/Get'
const asTheyAre = (bytes: Buffer) => bytes
const method = {
  ...{ path: PATH, requestStream: false, responseStream: false },
  ...{ requestSerialize: asTheyAre, responseSerialize: asTheyAre },
  ...{ responseDeserialize: asTheyAre },
} as const
/** Its handlers get a decoded message. */
const objects: ServiceDefinition = {
  Get: { ...method, requestDeserialize: (bytes: Buffer) => CreateRequest.decode(bytes) },
  Put: {
    ...{ ...method, path: '/objects.v1.Objects/Put', requestStream: true },
    requestDeserialize: (bytes: Buffer) => CreateRequest.decode(bytes),
  },
}
const raw: ServiceDefinition = { Get: { ...method, requestDeserialize: asTheyAre } }
const body = CreateRequest_Body.encode({
  ownerId: { value: Buffer.from('what the service gets') },
  lifetime: undefined,
}).finish()
const use = () =>
  ({ verb: 'OBJECT_GET', object: { containerId: CONTAINER, objectId: OBJECT } }) as const

/** A service behind a guard, which answers with the session. */
async function serve({
  options = {},
  grpc = {},
  service = guardable(objects),
}: {
  options?: Partial<GuardOptions>
  grpc?: Partial<GrpcGuardOptions>
  service?: ServiceDefinition
} = {}) {
  const { guard, clock } = guardAt(options)
  let streams = 0
  const server = new Server({ interceptors: [guardInterceptor(guard, { use, ...grpc })] })
  server.addService(service, {
    Get: (call: { request: object }, callback: (error: null, answer: Buffer) => void) =>
      callback(null, Buffer.from(`${guardedToken(call.request)?.id}`)),
    Put: () => streams++,
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  onTestFinished(() => {
    client.close()
    server.forceShutdown()
  })
  const get = (bytes: Uint8Array) =>
    new Promise<string>((resolve) =>
      client.makeUnaryRequest(PATH, asTheyAre, asTheyAre, Buffer.from(bytes), (error, answer) => {
        resolve(error === null ? `${answer}` : `${error.code} ${refusal(error).reason}`)
      }),
    )
  return { get, guard, clock, client, streams: () => streams }
}

const signed = (
  parts: Partial<GrpcRequestToSign> = {},
  key: Parameters<typeof signGrpcRequest>[1] = sessionKey,
  nowMs = NOW_MS,
) =>
  signGrpcRequest(
    { body, token: tokenWith(), audience: AUDIENCE, path: PATH, ...parts },
    key,
    nowMs,
  )

/** A request whose meta header the session key has signed as well. */
function signedWith(meta: Partial<RequestMetaHeader>, more: object = {}) {
  const encoded = RequestMetaHeader.encode({
    ...{ version: { major: 2, minor: 0 }, epoch: NBF + 60n, ttl: 2, xHeaders: [] },
    ...{ token: SessionToken.decode(tokenWith()), bearer: undefined, origin: undefined },
    ...meta,
  }).finish()
  const signatures = {
    ...{ key: sessionKey.publicKey, body: sessionKey.sign(body), meta: sessionKey.sign(encoded) },
    ...more,
  }
  return encodeSigned(createRequest, { body, meta: encoded }, signatures)
}

/** The x-headers of a good request, changed. */
async function xHeaders(change: Record<string, string | null>) {
  const good = CreateRequest.decode(await signed()).metaHeader?.xHeaders ?? []
  return good.flatMap(({ key, value }) => {
    const changed = key in change ? change[key] : value
    return changed === null ? [] : [{ key, value: changed as string }]
  })
}

describe('guardInterceptor', () => {
  it('serves a signed request once, and tells its handler under which token', async () => {
    const { get, guard } = await serve()
    const request = await signed()
    expect(await get(request)).toBe(SESSION_ID)
    expect(await get(request)).toBe(`${status.UNAUTHENTICATED} REPLAYED`)
    // The same body again is another request.
    expect(await get(await signed())).toBe(SESSION_ID)
    expect(guard.counts).toMatchObject({ accepted: 2, refused: { REPLAYED: 1 } })
  })

  it('serves a session key on P-256, handlers that take bytes, and what others forwarded', async () => {
    const { get } = await serve({ service: raw })
    const token = tokenWith({ sessionKey: carol.publicKey })
    expect(await get(await signed({ token }, carol))).toBe(SESSION_ID)
    expect(await get(wrapRequest(await signed(), hop))).toBe(SESSION_ID)
  })

  it.each([
    ['one field', Buffer.concat([Buffer.from([0x1a, 0x80, 0x80, 0x40]), Buffer.alloc(1 << 20)])],
    ['many fields', Buffer.alloc(1 << 20, Buffer.from([0x18, 1]))],
  ])('reads a request of a megabyte in %s', async (_, content) => {
    const { get } = await serve({ service: raw })
    expect(await get(await signed({ body: Buffer.concat([body, content]) }))).toBe(SESSION_ID)
  })

  it('reads no request of more than 4 MiB', async () => {
    const bytes = await signed({ body: Buffer.alloc(4 * 1024 * 1024) })
    const { clock } = guardAt().guard
    expect(readGrpcProof(bytes, { audience: AUDIENCE, path: PATH }, clock)).toMatchObject({
      ...{ reason: 'NO_PROOF', message: expect.stringMatching(/bytes are more than the 4194304/) },
    })
  })

  it.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['no message', () => Buffer.from('what'), 'NO_PROOF'],
    ['no token', () => signedWith({ token: undefined }), 'NO_TOKEN'],
    [
      "an owner's request, without a token",
      () =>
        signRequest(
          {
            body,
            meta: RequestMetaHeader.encode({
              version: undefined,
              epoch: 1n,
              ttl: 1,
              xHeaders: [],
              token: undefined,
              bearer: undefined,
              origin: undefined,
            }).finish(),
          },
          newOwner(),
        ),
      'NO_TOKEN',
    ],
    ['no x-headers', () => signedWith({}), 'NO_PROOF'],
    [
      'no nonce',
      async () => signedWith({ xHeaders: await xHeaders({ 'guard-nonce': null }) }),
      'NO_PROOF',
    ],
    [
      'a nonce of 65 characters',
      async () => signedWith({ xHeaders: await xHeaders({ 'guard-nonce': 'n'.repeat(65) }) }),
      'NO_PROOF',
    ],
    [
      'more x-headers than a good request has fields',
      async () => {
        const more = Array.from({ length: 1024 }, (_, i) => ({ key: `more-${i}`, value: '' }))
        return signedWith({ xHeaders: [...(await xHeaders({})), ...more] })
      },
      'NO_PROOF',
    ],
    ['another service', () => signed({ audience: 'other.example' }), 'OTHER_REQUEST'],
    ['another method', () => signed({ path: '/objects.v1.Objects/Delete' }), 'OTHER_REQUEST'],
    [
      'no method',
      async () => signedWith({ xHeaders: await xHeaders({ 'guard-method': null }) }),
      'OTHER_REQUEST',
    ],
    [
      'the meta header of another body that the key has signed',
      async () => {
        const { metaHeader, verifyHeader } = CreateRequest.decode(
          await signed({ body: Buffer.of() }),
        )
        const own = CreateRequest.decode(await signed())
        const mixed = { ...verifyHeader, bodySignature: own.verifyHeader?.bodySignature } as never
        return CreateRequest.encode({ body: own.body, metaHeader, verifyHeader: mixed }).finish()
      },
      'OTHER_REQUEST',
    ],
    [
      "another key's signature over the body",
      async () => signedWith({ xHeaders: await xHeaders({}) }, { body: newOwner().sign(body) }),
      'BAD_PROOF',
    ],
    [
      "another key's signature over the meta header",
      async () => signedWith({ xHeaders: await xHeaders({}) }, { meta: newOwner().sign(body) }),
      'BAD_PROOF',
    ],
    ["another's signatures", () => signed({}, newOwner()), 'BAD_PROOF'],
    [
      "another's signatures under the key of the session",
      () => signed({}, { publicKey: sessionKey.publicKey, sign: newOwner().sign }),
      'BAD_PROOF',
    ],
    ['a proof of two minutes ago', () => signed({}, sessionKey, NOW_MS - 120_000), 'PROOF_TIME'],
    ['a proof of the future', () => signed({}, sessionKey, NOW_MS + 120_000), 'PROOF_TIME'],
  ])('refuses %s', async (_, request, reason) => {
    const { get } = await serve({ service: raw })
    expect(await get(await request())).toBe(`${status.UNAUTHENTICATED} ${reason}`)
  })

  it.each<[string, Parameters<typeof serve>[0], string]>([
    [
      'another verb',
      { grpc: { use: () => ({ verb: 'OBJECT_PUT' }) } },
      `${status.PERMISSION_DENIED} VERB_NOT_ALLOWED`,
    ],
    [
      'what tokens are not for',
      { grpc: { use: () => null } },
      `${status.PERMISSION_DENIED} VERB_NOT_ALLOWED`,
    ],
    [
      'a service whose bytes nobody kept',
      { service: objects },
      `${status.UNAUTHENTICATED} NO_PROOF`,
    ],
    [
      'too many',
      { options: { maxRemembered: 0 } },
      `${status.RESOURCE_EXHAUSTED} TOO_MANY_REQUESTS`,
    ],
    [
      'anything while endings are not known',
      { options: { endings: Object.assign(new Endings(), { verifiedAtMs: null }) } },
      `${status.UNAVAILABLE} ENDINGS_STALE`,
    ],
    [
      'a session that has ended',
      { options: { endings: Object.assign(new Endings(), { ids: new Set([SESSION_ID]) }) } },
      `${status.UNAUTHENTICATED} ENDED`,
    ],
  ])('refuses %s, with its status', async (_, setUp, refused) => {
    const { get } = await serve(setUp)
    expect(await get(await signed())).toBe(refused)
  })

  it('lets through what needs no token', async () => {
    const { get } = await serve({ grpc: { use: () => 'unguarded' } })
    expect(await get(CreateRequest.encode({} as never).finish())).toBe('undefined')
  })

  it('asks what a request is for with the message that its handler gets', async () => {
    const asked: unknown[] = []
    const { get } = await serve({
      grpc: {
        use: (path, message) => {
          asked.push(path, message)
          return use()
        },
      },
    })
    await get(await signed())
    const text = Buffer.from('what the service gets')
    expect(asked).toMatchObject([PATH, { body: { ownerId: { value: text } } }])
  })

  it('refuses a request of which it cannot be found out what it is for', async () => {
    const { get, guard } = await serve({
      grpc: {
        use: () => {
          throw new Error('no such container')
        },
      },
    })
    expect(await get(await signed())).toBe(`${status.INTERNAL} NO_PROOF`)
    expect(guard.counts.refused).toEqual({ NO_PROOF: 1 })
  })

  it('runs no handler of a stream of requests, and counts it as refused', async () => {
    const { client, streams, guard } = await serve()
    const error = await new Promise<{ code: status }>((resolve) => {
      const call = client.makeClientStreamRequest(
        '/objects.v1.Objects/Put',
        asTheyAre,
        asTheyAre,
        new Metadata(),
        (failed) => resolve(failed as { code: status }),
      )
      call.on('error', () => {})
    })
    expect([error.code, streams()]).toEqual([status.UNIMPLEMENTED, 0])
    expect(guard.counts.refused).toEqual({ NO_PROOF: 1 })
  })
})
