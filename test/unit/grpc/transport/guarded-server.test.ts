import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { GrpcLimits } from '../../../../src/config/grpc-limits.js'
import type { CallObserver } from '../../../../src/core/calls.js'
import {
  EpochDriftError,
  IdempotencyKeyReusedError,
  InvalidFieldError,
  NotFoundError,
  SessionEndedError,
  SignatureError,
} from '../../../../src/core/errors.js'
import type { AdmitOperator } from '../../../../src/core/operators/trust.js'
import type { Call } from '../../../../src/grpc/pipeline/call.js'
import type { Methods } from '../../../../src/grpc/pipeline/method.js'
import { grpcService } from '../../../../src/grpc/pipeline/pipeline.js'
import { GuardedServer } from '../../../../src/grpc/transport/guarded-server.js'
import { stopClock } from '../../../support/clock.js'
import { createService, startTestGrpc, streamBytes, unaryBytes } from '../../../support/grpc.js'
import { NO_FAILURES } from '../../../support/observer.js'

const CREATE = '/session.Session/Create'
const BACKUP = '/sessiond.v1.Admin/Backup'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const WATCH = '/grpc.health.v1.Health/Watch'

/**
 * A server whose Create and Backup fail as the request says; with `admit` they are for operators. Its clock stands still
 * but for `passMs`: what a peer may fail is given back as time passes.
 */
async function serve(limits: Partial<GrpcLimits>, admit?: AdmitOperator) {
  const passMs = stopClock()
  const limited: string[] = []
  let release = () => {}
  const isReleased = new Promise<void>((resolve) => {
    release = resolve
  })
  const fail = async (request: Buffer, call: Call): Promise<Buffer> => {
    switch (`${request}`) {
      case 'forwarded':
        call.failures = 16
        throw new SignatureError('verify_header', 'is wrong')
      case 'unproved':
        throw new SignatureError('verify_header', 'is wrong')
      case 'invalid':
        throw new InvalidFieldError('body', 'is wrong')
      case 'early':
        throw new EpochDriftError('body.lifetime.iat', 9n, 1n, 2n)
      case 'ended':
        throw new SessionEndedError('s')
      case 'slow':
        await isReleased
        return request
      case 'absent':
        throw new NotFoundError('login-42')
      case 'reused':
        throw new IdempotencyKeyReusedError()
      default:
        return request
    }
  }
  const stream = async function* (request: Buffer, call: Call) {
    yield await fail(request, call)
  }
  const service = (name: string, methods: Methods) => ({
    [name]: grpcService(name, methods, { observer: NO_FAILURES, admit }),
  })
  const server = await startTestGrpc(
    {
      ...service('session.Session', { Create: unaryBytes(fail) }),
      ...service('sessiond.v1.Admin', { Backup: streamBytes(stream) }),
    },
    limits,
    (limit) => limited.push(limit),
  )
  onTestFinished(async () => void (await server.close(0)))
  return { server, limited, release, address: server.address, passMs }
}

/** A client on a connection of its own. A call gives the name of its code. */
function clientOf(address: string) {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  onTestFinished(() => client.close())
  const same = (bytes: Buffer) => bytes
  const open = (path: string, text = '') =>
    client.makeServerStreamRequest(path, same, same, Buffer.from(text))
  const call = (text: string, path: string) =>
    new Promise<string>((resolve) => {
      const end = (error: ServiceError | null) => resolve(status[error?.code ?? 0] ?? '')
      if (path === BACKUP) {
        const answers = open(path, text).on('error', end)
        answers.on('end', () => end(null)).resume()
      } else {
        client.makeUnaryRequest(path, same, same, Buffer.from(text), end)
      }
    })
  const reflect = () => client.makeBidiStreamRequest(REFLECTION, same, same)
  return { call, open, reflect }
}

const paths = [CREATE, BACKUP]

it.each(
  paths.flatMap((path) => [
    [path, 'prove nothing', 'unproved', 'UNAUTHENTICATED'] as const,
    [path, "ask for what is not the caller's", 'absent', 'NOT_FOUND'] as const,
  ]),
)('calls of %s that %s are refused in the end', async (path, _, text, code) => {
  const { address, server } = await serve({ peerFailuresPerSecond: 1 })
  const { call } = clientOf(address)
  const codes = []
  for (let i = 0; i < 20; i++) {
    codes.push(await call(text, path))
  }
  expect(new Set(codes)).toEqual(new Set([code, 'RESOURCE_EXHAUSTED']))
  await expect.poll(() => server.report().calls).toBe(0)
})

it.each([
  // A peer may fail in bursts of 5 seconds.
  [3, 'RESOURCE_EXHAUSTED'],
  [4, 'OK'],
])(
  'a call with 16 levels of signatures counts as 16 failures: at %i a second the next is %s',
  async (peerFailuresPerSecond, code) => {
    const { address } = await serve({ peerFailuresPerSecond })
    const { call } = clientOf(address)
    expect(await call('forwarded', CREATE)).toBe('UNAUTHENTICATED')
    expect(await call('good', CREATE)).toBe(code)
  },
)

it.each(
  paths.flatMap((path) => [
    [path, 'invalid', 'INVALID_ARGUMENT'] as const,
    [path, 'early', 'FAILED_PRECONDITION'] as const,
  ]),
)(
  'calls of %s that are refused as %s, before any proof, are so too, but later',
  async (path, text, code) => {
    const { address, limited } = await serve({ peerFailuresPerSecond: 1 })
    const { call } = clientOf(address)
    for (let i = 0; i < 20; i++) {
      expect(await call(text, path)).toBe(code)
    }
    for (let i = 0, last = code as string; last !== 'RESOURCE_EXHAUSTED'; i++) {
      expect(i).toBeLessThan(100)
      last = await call(text, path)
    }
    expect(await call('good', path)).toBe('RESOURCE_EXHAUSTED')
    expect(new Set(limited)).toEqual(new Set(['peer-failures']))
  },
)

it.each(
  paths.flatMap((path) => [
    [path, 'reused', 'ALREADY_EXISTS'] as const,
    [path, 'ended', 'FAILED_PRECONDITION'] as const,
  ]),
)('calls of %s that were proved and refused as %s do not count', async (path, text, code) => {
  const { address, limited } = await serve({ peerFailuresPerSecond: 1 })
  const { call } = clientOf(address)
  for (let i = 0; i < 50; i++) {
    expect(await call(text, path)).toBe(code)
  }
  expect(limited).toEqual([])
})

it.each(['admin token', null])(
  'calls of an operator count for nothing, whatever is wrong with them: %s',
  async (proof) => {
    const { address, limited } = await serve({ peerFailuresPerSecond: 1 }, () => proof)
    const { call } = clientOf(address)
    for (const path of paths) {
      for (let i = 0; i < 50; i++) {
        expect(await call('invalid', path)).toBe('INVALID_ARGUMENT')
      }
    }
    expect(limited).toEqual([])
  },
)

it('a watch of health keeps no connection its place', async () => {
  const { address, limited } = await serve({ maxConnections: 1 })
  const watch = clientOf(address).open(WATCH)
  const ended = once(watch, 'error')
  await once(watch, 'data')
  expect(await clientOf(address).call('good', CREATE)).toBe('OK')
  expect((await ended)[0]).toMatchObject({ code: status.UNAVAILABLE })
  expect(limited).toEqual(['connections'])
})

it('a request that is a stream may last, one that is late is ended', async () => {
  const { address, limited, server, passMs } = await serve({ headerTimeoutMs: 100 })
  const reflection = clientOf(address)
    .reflect()
    .on('error', () => {})
  const answered = once(reflection, 'data')
  await expect.poll(() => server.report().calls).toBe(1)
  const session = connectHttp2(`http://${address}`)
  onTestFinished(() => session.destroy())
  const headers = { ':method': 'POST', ':path': CREATE, 'content-type': 'application/grpc' }
  const late = session.request(headers)
  late.write(Buffer.from([0, 0, 0, 0, 4, 0x61]))
  // It begins after that one.
  await once(session.request(headers).end(Buffer.alloc(5)), 'response')
  passMs(100)
  const [refused] = await once(late, 'response')
  expect(refused['grpc-status']).toBe(`${status.RESOURCE_EXHAUSTED}`)
  // ServerReflectionRequest: list_services.
  reflection.write(Buffer.from([0x3a, 1, 0x2a]))
  await answered
  expect(limited).toEqual(['header-timeout'])
})

it('cuts the calls that answer with a stream, and no others', async () => {
  const register = vi.spyOn(GuardedServer.prototype, 'register')
  onTestFinished(() => register.mockRestore())
  const { address, server, release } = await serve({})
  const [guarded = expect.fail()] = register.mock.contexts as GuardedServer[]
  const { call, open } = clientOf(address)
  const watch = open(WATCH)
  const cut = once(watch, 'error')
  await once(watch, 'data')
  const answered = call('slow', CREATE)
  await expect.poll(() => server.report().calls).toBe(2)
  guarded.cutStreams()
  expect((await cut)[0]).toMatchObject({ code: status.CANCELLED })
  release()
  expect(await answered).toBe('OK')
})

it('counts the end of a call once, though it is answered and then refused', async () => {
  let isPlanted = true
  const observer: CallObserver = {
    begin: (call) => ({
      ...NO_FAILURES.begin(call),
      end() {
        if (isPlanted) {
          isPlanted = false
          throw new Error('planted')
        }
      },
    }),
  }
  const server = await startTestGrpc(createService((request) => request, observer))
  onTestFinished(async () => void (await server.close(0)))
  await clientOf(server.address).call('good', CREATE)
  expect(isPlanted).toBe(false)
  expect(server.report().calls).toBe(0)
})
