import { getEventListeners } from 'node:events'
import { InterceptingCall, type Interceptor, Metadata, status } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, type CallOptions, mergeOptions } from '../../../../src/client/connection/ask.js'
import { callServerStream } from '../../../../src/client/connection/call.js'
import { type ConnectOptions, connect } from '../../../../src/client/connection/connect.js'
import { ConnectionClosedError, RefusedError } from '../../../../src/client/errors.js'
import { BusyError, RateLimitedError } from '../../../../src/core/errors.js'
import { toStatus } from '../../../../src/grpc/pipeline/status.js'
import { freePort } from '../../../support/free-port.mjs'
import {
  type Act,
  silence,
  startScriptedServer,
  unavailable,
} from '../../../support/scripted-server.js'

const PATH = '/session.Session/Create'
const done: Act = () => Buffer.from('done')
const refuse =
  (error: unknown): Act =>
  () =>
    toStatus(error)

/** A server that acts this script, a connection to it, and what asks it. */
async function setUp(script: readonly Act[], options: Partial<ConnectOptions> = {}) {
  const server = await startScriptedServer(onTestFinished, ...script)
  const connection = open(server.address, options)
  return { server, connection, question: asking(connection) }
}

function open(address: string, options: Partial<ConnectOptions> = {}) {
  const connection = connect(address, { serverKeys: 'any', ...options })
  onTestFinished(() => connection.close())
  return connection
}

const asking =
  (connection: ReturnType<typeof open>) =>
  async (options: CallOptions = {}, isRepeatable = true) => {
    const service = { name: 'the service', isForOperators: false }
    const request = Buffer.from('request')
    const metadata = new Metadata()
    const question = { path: PATH, service, request, isRepeatable, metadata }
    return `${Buffer.from(await ask(connection, question, options))}`
  }

const RETRY = { retry: { attempts: 3, firstDelayMs: 1, maxDelayMs: 2 } }

describe('a call', () => {
  it('is tried once by default', async () => {
    const { server, question } = await setUp([unavailable, done])
    await expect(question()).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE' })
    expect(server.requests).toHaveLength(1)
  })

  it.each([
    ['that may be repeated', true, [unavailable, unavailable, done], 'done'],
    [
      'that may not, which the server may have done',
      false,
      [unavailable, done],
      'SERVER_UNAVAILABLE',
    ],
    [
      'that may not, for which the server is busy',
      false,
      [refuse(new BusyError('x', 1)), done],
      'done',
    ],
    ['that comes too often', false, [refuse(new RateLimitedError('calls', 1)), done], 'done'],
  ] as const)(
    '%s, is tried again where its policy says so: %s',
    async (_, isRepeatable, script, end) => {
      const { question } = await setUp(script)
      const asked = question({ ...RETRY, deadlineMs: 60_000 }, isRepeatable)
      expect(await asked.catch(({ code }) => code)).toBe(end)
    },
  )

  it.each([true, false])(
    'that never reached a server is tried again, repeatable or not: %s',
    async (isRepeatable) => {
      const seen: string[] = []
      const connection = open(`127.0.0.1:${await freePort()}`, { interceptors: [recording(seen)] })
      await expect(asking(connection)(RETRY, isRepeatable)).rejects.toMatchObject({
        name: 'ServerUnavailableError',
        message: expect.stringMatching(
          / cannot be reached: nothing listens on this port \(attempts: 3\)$/,
        ),
      })
      expect(seen).toHaveLength(3)
    },
  )

  it('that is refused for good is not tried again', async () => {
    const { server, question } = await setUp([() => ({ code: status.NOT_FOUND }), done])
    await expect(question(RETRY)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(server.requests).toHaveLength(1)
  })
})

describe('an aborted signal', () => {
  it('ends a call with its reason', async () => {
    const { server, question } = await setUp([silence])
    const { signal, ...controller } = abortable()
    const call = question({ signal })
    await server.received(1)
    controller.abort()
    await expect(call).rejects.toThrow('enough')
    await expect(question({ signal })).rejects.toThrow('enough')
    expect(server.requests).toHaveLength(1)
  })

  it('that is not aborted is left without listeners', async () => {
    const { question } = await setUp([unavailable, done])
    const { signal } = abortable()
    await question({ ...RETRY, signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends the wait for the next attempt', async () => {
    const { server, question } = await setUp([unavailable])
    const { signal, abort } = abortable()
    const retry = { firstDelayMs: 1e9, maxDelayMs: 1e9 }
    const call = question({ signal, retry, deadlineMs: Number.POSITIVE_INFINITY })
    await server.received(1)
    abort()
    await expect(call).rejects.toThrow('enough')
  })

  it('counts whether the client or the call has it', () => {
    for (const [ofClient, ofCall] of [
      [AbortSignal.abort('enough'), new AbortController().signal],
      [new AbortController().signal, AbortSignal.abort('enough')],
      [AbortSignal.abort('enough'), undefined],
    ] as const) {
      expect(mergeOptions({ signal: ofClient }, { signal: ofCall }).signal?.reason).toBe('enough')
    }
    const merged = mergeOptions({ deadlineMs: 1, retry: {} }, { deadlineMs: 2 })
    expect(merged).toEqual({ deadlineMs: 2, retry: {}, signal: undefined })
  })
})

describe('a closed connection', () => {
  const closes = [
    ['close', (connection) => connection.close()],
    ['using', (connection) => connection[Symbol.dispose]()],
    ['await using', (connection) => connection[Symbol.asyncDispose]()],
  ] as const satisfies [string, (connection: ReturnType<typeof open>) => unknown][]

  it.each(closes)('fails the calls under way and all later ones: %s', async (_, close) => {
    const { server, connection, question } = await setUp([silence])
    const calls = [question(), next(callServerStream(connection.client, PATH, Buffer.of()))]
    await server.received(2)
    close(connection)
    for (const call of [...calls, question()]) {
      await expect(call).rejects.toThrow(ConnectionClosedError)
    }
    await expect(
      next(callServerStream(connection.client, PATH, Buffer.of())),
    ).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      message: `the connection to ${server.address} was closed here: connect again`,
    })
    expect(() => connection.close()).not.toThrow()
  })

  it('ends the wait for the next attempt', async () => {
    const { server, connection, question } = await setUp([unavailable])
    const retry = { firstDelayMs: 1e9, maxDelayMs: 1e9 }
    const call = question({ retry, deadlineMs: Number.POSITIVE_INFINITY })
    await server.received(1)
    // The refusal reaches the client before what it answers to a second call.
    await question().catch(() => {})
    connection.close()
    await expect(call).rejects.toThrow(ConnectionClosedError)
  })
})

describe('interceptors', () => {
  it('see each attempt and stream, the first one outermost, and not the admin token', async () => {
    const seen: string[] = []
    const adminToken = 'a-token-of-sixteen-or-more'
    const interceptors = [recording(seen, 'outer'), recording(seen, 'inner')]
    const { connection, question } = await setUp([unavailable, done], { interceptors, adminToken })
    expect(await question(RETRY)).toBe('done')
    const attempt = [`outer ${PATH}`, `inner ${PATH} outer`]
    expect(seen).toEqual([...attempt, ...attempt])
    await next(callServerStream(connection.client, PATH, Buffer.of()))
    expect(seen).toEqual([...attempt, ...attempt, ...attempt])
  })

  it.each([
    ['close the connection', true, 'was closed here'],
    ['abort the call', false, 'enough'],
  ])('may %s as it begins', async (_, closes, message) => {
    const controller = new AbortController()
    const ending: Interceptor = (options, nextCall) => {
      const call = nextCall(options)
      if (closes) {
        connection.close()
      } else {
        controller.abort(new Error('enough'))
      }
      return new InterceptingCall(call)
    }
    const { connection, question } = await setUp([silence], { interceptors: [ending] })
    await expect(question({ signal: controller.signal })).rejects.toThrow(message)
  })

  it('may refuse a call', async () => {
    const closed: Interceptor = () => {
      throw new Error('not today')
    }
    const { server, question } = await setUp([done], { interceptors: [closed] })
    await expect(question()).rejects.toThrow('not today')
    expect(server.requests).toEqual([])
  })

  it.each(['call', 'stream'])('may end a %s with a status as it begins', async (kind) => {
    const ended: Interceptor = (options, nextCall) =>
      new InterceptingCall(nextCall(options), {
        start: (_, listener) =>
          listener.onReceiveStatus({
            ...{ code: status.UNAUTHENTICATED, details: 'not today', metadata: new Metadata() },
          }),
        sendMessage() {},
        halfClose() {},
      })
    const { connection, question } = await setUp([done], { interceptors: [ended] })
    const call =
      kind === 'call' ? question() : next(callServerStream(connection.client, PATH, Buffer.of()))
    await expect(call).rejects.toThrow(RefusedError)
  })
})

const next = async (stream: AsyncIterator<Uint8Array>) => (await stream.next()).value

function abortable() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) }
}

/** Notes the method of each call, with what was added before, and adds its own name. */
function recording(seen: string[], name = 'seen'): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, go) {
        const added = metadata.get('added')
        const { path } = options.method_definition
        seen.push([name, path, ...metadata.get('authorization'), ...added].join(' '))
        metadata.set('added', name)
        go(metadata, listener)
      },
    })
}
