import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ErrorInfo, RetryInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { refusal } from '../../../src/client/connection/call.js'
import {
  type ConnectOptions,
  type CreateSessionOptions,
  connect,
  createSession,
  generateKey,
  RefusedError,
  ServerUnavailableError,
  UntrustedResponseError,
} from '../../../src/client/index.js'
import {
  EpochDriftError,
  MissingFieldError,
  QuotaError,
  StoreUnavailableError,
} from '../../../src/core/errors.js'
import { verifyChain } from '../../../src/envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../../../src/envelope/create.js'
import { toStatus } from '../../../src/grpc/pipeline/status.js'
import { stopTimers } from '../../support/clock.js'
import { newOwner } from '../../support/create.js'
import { verifiers } from '../../support/envelope.js'
import {
  type Act,
  answer,
  type ScriptedServer,
  silence,
  startScriptedServer,
  unavailable,
} from '../../support/scripted-server.js'

const server = newOwner()
const ownerKey = generateKey('ed25519')
const never: Act = () => ({ code: status.UNIMPLEMENTED, details: 'one call too many' })
const refuse =
  (error: unknown): Act =>
  () =>
    toStatus(error)

/** Opens a session on a server that acts this script. */
async function open(
  script: readonly Act[],
  options: Partial<CreateSessionOptions> & Partial<ConnectOptions> = {},
) {
  const scripted = await startScriptedServer(onTestFinished, ...script)
  return { scripted, session: call(scripted, options) }
}

async function call(
  { address }: ScriptedServer,
  { serverKeys = [server.publicKey], ...options }: Partial<CreateSessionOptions & ConnectOptions>,
) {
  const connection = connect(address, { serverKeys })
  try {
    return await createSession(connection, { ownerKey, lifetimeMs: 60_000, ...options })
  } finally {
    connection.close()
  }
}
const opening = async (...args: Parameters<typeof open>) => (await open(...args)).session

describe('createSession', () => {
  it('tells what was opened, for whom, until when, and by which server', async () => {
    const id = Buffer.from('00112233445546778899aabbccddeeff', 'hex')
    const { session, scripted } = await open([
      answer(server, { id, sessionKey: Buffer.alloc(32, 7) }),
    ])
    const created = await session
    const { owner, lifetime } = readCreateRequest(scripted.requests[0] as Buffer)
    expect(created).toEqual({
      id: '00112233-4455-4677-8899-aabbccddeeff',
      publicKey: new Uint8Array(32).fill(7),
      owner,
      lifetime,
      serverKey: server.publicKey,
    })
    expect(lifetime.exp - lifetime.iat).toBe(60n)
  })

  it.each(['ed25519', 'p256'] as const)('signs with an %s key', async (type) => {
    const { session, scripted } = await open([answer(server)], { ownerKey: generateKey(type) })
    await session
    const { message } = readCreateRequest(scripted.requests[0] as Buffer)
    expect(verifyChain(message, verifiers)).toHaveLength(type === 'ed25519' ? 32 : 33)
  })

  it('sends a fresh idempotency key each time unless given one, and the names it was given', async () => {
    const scripted = await startScriptedServer(onTestFinished, answer(server))
    await call(scripted, {})
    await call(scripted, { clientName: 'me', owner: Buffer.from('household') })
    await call(scripted, { idempotencyKey: 'mine' })
    const [first, second, third] = scripted.requests.map(readCreateRequest)
    expect(first?.idempotencyKey).toMatch(/^[\da-f-]{36}$/)
    expect(second).toMatchObject({ client: 'me', owner: Uint8Array.from(Buffer.from('household')) })
    expect(second?.idempotencyKey).not.toBe(first?.idempotencyKey)
    expect(third?.idempotencyKey).toBe('mine')
  })

  it('asks for the same session again with the same key and issue time', async () => {
    const scripted = await startScriptedServer(onTestFinished, answer(server))
    const same = { idempotencyKey: 'mine', issueTimeMs: Date.now() - 60_000 }
    await call(scripted, same)
    await call(scripted, same)
    const [first, second] = scripted.requests
    expect(second).toEqual(first)
    const { lifetime } = readCreateRequest(first as Buffer)
    expect(lifetime.iat).toBe(BigInt(Math.floor(same.issueTimeMs / 1000)))
  })

  it('asks for the same session again with a P-256 key too, though it signs anew', async () => {
    const scripted = await startScriptedServer(onTestFinished, answer(server))
    const ownerKey = generateKey('p256')
    const same = { ownerKey, idempotencyKey: 'mine', issueTimeMs: Date.now() }
    await call(scripted, same)
    await call(scripted, same)
    const [first, second] = scripted.requests.map((bytes) => readCreateRequest(bytes).message)
    expect(second?.body).toEqual(first?.body)
    expect(second?.innermost.meta).toEqual(first?.innermost.meta)
  })

  it.each<Partial<CreateSessionOptions>>([
    { lifetimeMs: Number.NaN },
    { lifetimeMs: Number.POSITIVE_INFINITY },
    { issueTimeMs: Number.NaN },
    { issueTimeMs: -1 },
    { deadlineMs: Number.NaN },
  ])('refuses %j, and sends nothing', async (options) => {
    const { session, scripted } = await open([never], options)
    await expect(session).rejects.toThrow(RangeError)
    expect(scripted.requests).toEqual([])
  })
})

describe('where the server is unavailable, createSession', () => {
  it('sends the very same bytes again', async () => {
    const { session, scripted } = await open([unavailable, unavailable, answer(server), never])
    await expect(session).resolves.toHaveProperty('id')
    const [first, ...again] = scripted.requests
    expect(again).toEqual([first, first])
  })

  it('gives up when the deadline leaves no room for the wait that the server asks for', async () => {
    stopTimers()
    const { session, scripted } = await open([refuse(new StoreUnavailableError('p')), never], {
      deadlineMs: 900,
    })
    await expect(session).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'STORE_UNAVAILABLE',
      grpcCode: status.UNAVAILABLE,
    })
    expect(scripted.requests).toHaveLength(1)
  })

  it('does not come back at once where the server asks for a wait that is none', async () => {
    const metadata = new Metadata()
    const facts = new Map(Object.entries({ retry_delay_ms: 'x', server_epoch: 'y' }))
    const info = ErrorInfo.encode({ reason: 'R', domain: '', metadata: facts }).finish()
    const details = [{ typeUrl: 'google.rpc.ErrorInfo', value: info }]
    const encoded = Status.encode({ code: 8, message: 'later', details }).finish()
    metadata.set('grpc-status-details-bin', Buffer.from(encoded))
    const later: Act = () => ({ code: status.RESOURCE_EXHAUSTED, details: 'later', metadata })
    const { session, scripted } = await open([later, later, never])
    await expect(session).rejects.toMatchObject({
      ...{ code: 'RESOURCE_EXHAUSTED', reason: 'R', serverEpoch: undefined },
    })
    expect(scripted.requests).toHaveLength(1)
  })

  it('comes back as late as the server asks, whatever its code, nanoseconds and all', async () => {
    const retryDelay = { seconds: 0n, nanos: 1_500_000 }
    const details = [
      {
        typeUrl: 'type.googleapis.com/google.rpc.RetryInfo',
        value: RetryInfo.encode({ retryDelay }).finish(),
      },
    ]
    const metadata = new Metadata()
    const code = status.RESOURCE_EXHAUSTED
    const encoded = Status.encode({ code, message: 'later', details }).finish()
    metadata.set('grpc-status-details-bin', Buffer.from(encoded))
    const later: Act = () => ({ code, details: 'later', metadata })
    await expect(opening([later, later, answer(server)])).resolves.toHaveProperty('id')
    expect(refusal({ code, details: 'later', metadata } as ServiceError).metadata).toEqual({
      retry_delay_ms: '2',
    })
  })

  it('takes a quota for an answer', async () => {
    await expect(opening([refuse(new QuotaError('owner', 1)), never])).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })
  })

  it('reports a deadline without an answer as such', async () => {
    const error = await opening([silence], { deadlineMs: 20 }).catch((error) => error)
    expect(error).toBeInstanceOf(ServerUnavailableError)
    expect(error.message).toMatch(/^the session server at 127\.0\.0\.1:\d+ did not answer in time$/)
    expect(error.cause).toBeInstanceOf(RefusedError)
  })

  it('gives up after as many attempts as it may make, and says how many', async () => {
    const { session, scripted } = await open([unavailable, unavailable, never], {
      retry: { attempts: 2, firstDelayMs: 1 },
    })
    await expect(session).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: expect.stringMatching(/ cannot be reached \(attempts: 2\)$/),
    })
    expect(scripted.requests).toHaveLength(2)
  })

  it.each([
    { attempts: 0 },
    { attempts: Number.NaN },
    { firstDelayMs: -1 },
    { maxDelayMs: Number.NaN },
  ])('refuses the retry policy %j, and sends nothing', async (retry) => {
    const { session, scripted } = await open([never], { retry })
    await expect(session).rejects.toThrow(RangeError)
    expect(scripted.requests).toEqual([])
  })
})

describe('a refusal', () => {
  it.each(
    [
      status.CANCELLED,
      status.UNKNOWN,
      status.INVALID_ARGUMENT,
      status.NOT_FOUND,
      status.ALREADY_EXISTS,
      status.PERMISSION_DENIED,
      status.RESOURCE_EXHAUSTED,
      status.FAILED_PRECONDITION,
      status.ABORTED,
      status.INTERNAL,
      status.UNAUTHENTICATED,
    ].map((code) => [status[code], code] as const),
  )('of code %s is final', async (name, code) => {
    const { session, scripted } = await open([() => ({ code, details: 'no' }), never])
    await expect(session).rejects.toMatchObject({ name: 'RefusedError', code: name, message: 'no' })
    expect(scripted.requests).toHaveLength(1)
  })

  it('carries the reason, the field and the server epoch', async () => {
    await expect(opening([refuse(new MissingFieldError('body'))])).rejects.toMatchObject({
      code: 'MISSING_FIELD',
      grpcCode: status.INVALID_ARGUMENT,
      field: 'body',
      serverEpoch: undefined,
    })
    await expect(opening([refuse(new EpochDriftError('f', 1n, 7n, 2n))])).rejects.toMatchObject({
      code: 'EPOCH_DRIFT',
      serverEpoch: 7n,
      metadata: { max_drift_epochs: '2' },
    })
  })

  it('asks for no wait where its RetryInfo names none', () => {
    const value = RetryInfo.encode({ retryDelay: undefined }).finish()
    const typeUrl = 'type.googleapis.com/google.rpc.RetryInfo'
    const metadata = new Metadata()
    const details = Status.encode({ code: 8, message: '', details: [{ typeUrl, value }] }).finish()
    metadata.set('grpc-status-details-bin', Buffer.from(details))
    const error = { code: status.RESOURCE_EXHAUSTED, details: 'no', metadata } as ServiceError
    expect(refusal(error).metadata).toEqual({ retry_delay_ms: '0' })
  })

  it('stands also where its details cannot be read', async () => {
    const metadata = new Metadata()
    metadata.set('grpc-status-details-bin', Buffer.from('garbage'))
    await expect(
      opening([() => ({ code: status.PERMISSION_DENIED, details: 'no', metadata })]),
    ).rejects.toMatchObject({ code: 'PERMISSION_DENIED', message: 'no' })
  })
})

describe('a response', () => {
  const stranger = newOwner()
  const altered: Act = (request) => {
    const bytes = answer(server, { id: Buffer.alloc(16, 0xab) })(request) as Buffer
    bytes[bytes.indexOf(0xab)] = 0
    return bytes
  }

  it.each<[string, Act, string]>([
    ['signed by another key', answer(stranger), 'not a pinned server key'],
    ['to another request', answer(server, { digest: '00'.repeat(32) }), 'another request'],
    ['that names no request', answer(server, { digest: null }), 'another request'],
    ['altered on the way', altered, 'does not verify'],
    ['that is no message', () => Buffer.from('garbage'), ''],
    ['of no bytes', () => Buffer.alloc(0), 'body is required'],
    ['with a short id', answer(server, { id: Buffer.alloc(15, 1) }), 'body.id'],
    ['with a short key', answer(server, { sessionKey: Buffer.alloc(31, 1) }), 'body.session_key'],
  ])('%s is not believed', async (_, act, problem) => {
    const error = await opening([act, never]).catch((error) => error)
    expect(error).toBeInstanceOf(UntrustedResponseError)
    expect(error.message).toContain(problem)
    expect(error.message.match(/cannot be trusted/g)).toHaveLength(1)
  })

  it('of an earlier call, played back, is not believed', async () => {
    let recorded: Buffer | undefined
    const playBack: Act = (request) => {
      recorded ??= answer(server)(request) as Buffer
      return recorded
    }
    const scripted = await startScriptedServer(onTestFinished, playBack)
    await call(scripted, {})
    await expect(call(scripted, {})).rejects.toBeInstanceOf(UntrustedResponseError)
  })

  it.each(['metaSignature', 'originSignature'] as const)(
    'with another %s is not believed, though those before it were',
    async (name) => {
      const wrong: Act = (request) => {
        const bytes = answer(server)(request) as Buffer
        const sign = readCreateResponse(bytes).message.innermost[name]?.sign ?? expect.fail()
        sign[0] = (sign[0] as number) ^ 1
        return bytes
      }
      const scripted = await startScriptedServer(onTestFinished, answer(server), wrong)
      await call(scripted, {})
      const refused = { message: expect.stringContaining('does not verify') }
      await expect(call(scripted, {})).rejects.toMatchObject(refused)
      await expect(call(scripted, {})).rejects.toMatchObject(refused)
    },
  )

  it('of any pinned server is believed', async () => {
    const serverKeys = [newOwner().publicKey, stranger.publicKey, server.publicKey]
    await expect(opening([answer(stranger)], { serverKeys })).resolves.toMatchObject({
      serverKey: stranger.publicKey,
    })
  })

  it("of any server at all is believed where 'any' is asked for, if it is well signed", async () => {
    const serverKeys = 'any'
    await expect(opening([answer(stranger)], { serverKeys })).resolves.toHaveProperty('id')
    await expect(opening([altered], { serverKeys })).rejects.toBeInstanceOf(UntrustedResponseError)
  })

  it('is not believed where no key is pinned', async () => {
    await expect(opening([answer(server)], { serverKeys: [] })).rejects.toBeInstanceOf(
      UntrustedResponseError,
    )
  })
})

describe('an AbortSignal', () => {
  const reason = new Error('the user left')

  it('that is aborted already keeps the call from being made', async () => {
    const { session, scripted } = await open([answer(server)], {
      signal: AbortSignal.abort(reason),
    })
    await expect(session).rejects.toBe(reason)
    expect(scripted.requests).toEqual([])
  })

  it('ends a call under way', async () => {
    const controller = new AbortController()
    const { session, scripted } = await open([silence], { signal: controller.signal })
    await scripted.received(1)
    controller.abort(reason)
    await expect(session).rejects.toBe(reason)
  })

  it('ends the wait between two calls', async () => {
    const controller = new AbortController()
    const { signal } = controller
    // The call listens first, then the wait does.
    const listen = signal.addEventListener.bind(signal)
    let listeners = 0
    signal.addEventListener = (...args: Parameters<typeof listen>) => {
      listen(...args)
      listeners++
      if (listeners === 2) {
        controller.abort(reason)
      }
    }
    const script = [refuse(new StoreUnavailableError('p')), never]
    await expect(opening(script, { signal })).rejects.toBe(reason)
  })
})
