import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import {
  Client,
  type ClientOptions,
  compressionAlgorithms,
  credentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { GrpcLimits } from '../../../../src/config/grpc-limits.js'
import { SignatureError } from '../../../../src/core/errors.js'
import { stopClock } from '../../../support/clock.js'
import { createService, startTestGrpc } from '../../../support/grpc.js'
import {
  callHeaders,
  Flag,
  Frame,
  frame,
  HELLO,
  PING,
  PREFACE,
} from '../../../support/http2-frames.mjs'
import { rawConnection } from '../../../support/raw-connection.js'

const PATH = '/session.Session/Create'
/** From which peers attack; the good one calls from 127.0.0.1. */
const HOSTILE = '127.0.0.2'

/**
 * A server whose Create answers a request with itself, but `bad` is a bad signature, and `wait` is
 * answered once `release` is called. Its clock stands still but for `passMs`.
 */
async function serve(limits: Partial<GrpcLimits> = {}) {
  const passMs = stopClock()
  const limited: string[] = []
  const seen: string[] = []
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let begin = () => {}
  const waiting = new Promise<void>((resolve) => {
    begin = resolve
  })
  const create = async (request: Buffer) => {
    seen.push(request.toString())
    if (request.toString() === 'bad') {
      throw new SignatureError('verify_header', 'is wrong')
    }
    if (request.toString() === 'wait') {
      begin()
      await released
    }
    return request
  }
  const server = await startTestGrpc(createService(create), limits, (limit, peer) =>
    limited.push(`${limit} ${peer}`),
  )
  onTestFinished(async () => void (await server.close(0)))
  const { address } = server
  return {
    server,
    limited,
    seen,
    passMs,
    waiting,
    release: () => release(),
    raw: (localAddress = HOSTILE) => rawConnection(onTestFinished, address, localAddress),
    client: (options?: ClientOptions) => clientOf(address, options),
  }
}

/** A grpc-js client on a connection of its own; a call gives the answer's text or the code's name. */
function clientOf(address: string, options: ClientOptions = {}) {
  const client = new Client(address, credentials.createInsecure(), {
    ...options,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  onTestFinished(() => client.close())
  const call = (text: string | Buffer, path = PATH) =>
    new Promise<string>((resolve) =>
      client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes) => bytes.toString(),
        Buffer.from(text),
        (error: ServiceError | null, answer) =>
          resolve(error === null ? String(answer) : (status[error.code] ?? '')),
      ),
    )
  return { call, close: () => client.close() }
}

describe('a connection that does not say what it wants', () => {
  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['half the preface', PREFACE.subarray(0, 12)],
    ['the preface alone', HELLO],
    [
      'headers without an end',
      Buffer.concat([HELLO, frame(Frame.HEADERS, 0, 1, callHeaders(PATH))]),
    ],
    [
      'half a frame of headers',
      Buffer.concat([HELLO, frame(Frame.HEADERS, 4, 1, callHeaders(PATH)).subarray(0, 40)]),
    ],
  ])('is ended where it says %s', async (_, bytes) => {
    const { raw, limited, client, passMs } = await serve({ headerTimeoutMs: 100 })
    const good = client()
    expect(await good.call('before')).toBe('before')
    const slow = await raw()
    slow.socket.write(bytes)
    // By its answer the server has read those bytes too.
    expect(await good.call('meanwhile')).toBe('meanwhile')
    passMs(100)
    await slow.closed
    expect(limited).toEqual([`header-timeout ${HOSTILE}`])
    expect(await good.call('after')).toBe('after')
  })

  it('is ended in time although the wall clock is set back meanwhile', async () => {
    const { raw, limited, client, passMs } = await serve({ headerTimeoutMs: 100 })
    const silent = await raw()
    expect(await client().call('meanwhile')).toBe('meanwhile')
    vi.setSystemTime(Date.now() - 3_600_000)
    passMs(100)
    await silent.closed
    expect(limited).toEqual([`header-timeout ${HOSTILE}`])
  })

  it('is ended where each byte is in time, but not all together', async () => {
    const { raw, limited, passMs } = await serve({ headerTimeoutMs: 100 })
    const slow = await raw()
    let sent = 0
    const trickle = setInterval(() => {
      slow.socket.write(PREFACE.subarray(sent, ++sent))
      passMs(20)
    }, 20)
    onTestFinished(() => clearInterval(trickle))
    await slow.closed
    expect(limited).toEqual([`header-timeout ${HOSTILE}`])
  })
})

describe('a request that does not arrive', () => {
  it('is ended as RESOURCE_EXHAUSTED, and its connection goes on', async () => {
    const { server, limited, seen, passMs } = await serve({ headerTimeoutMs: 100 })
    const session = connectHttp2(`http://${server.address}`)
    onTestFinished(() => session.destroy())
    const headers = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' }
    const callWhole = async () => {
      const whole = session.request(headers)
      whole.end(Buffer.from([0, 0, 0, 0, 4, ...Buffer.from('good')]))
      const [trailers] = await Promise.all([once(whole, 'trailers'), once(whole.resume(), 'end')])
      expect(trailers[0]).toMatchObject({ 'grpc-status': '0' })
    }
    const half = session.request(headers)
    half.write(Buffer.from([0, 0, 0, 0, 4, 0x61]))
    await callWhole()
    passMs(100)
    const [refused] = await once(half, 'response')
    expect(refused).toMatchObject({
      'grpc-status': `${status.RESOURCE_EXHAUSTED}`,
      'grpc-message': 'the%20request%20did%20not%20arrive%20within%20100%20ms',
      'grpc-status-details-bin': expect.any(String),
    })
    await once(half.resume(), 'close')
    expect(half.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
    await callWhole()
    expect(seen).toEqual(['good', 'good'])
    expect(limited).toEqual(['header-timeout 127.0.0.1'])
  })

  it('does not count as such while it is answered', async () => {
    const { client, limited, waiting, release, raw, server, passMs } = await serve({
      headerTimeoutMs: 100,
    })
    const good = client()
    const answer = good.call('wait')
    await waiting
    // Ended for its silence, by when the call is as old.
    const silent = await raw()
    await expect.poll(() => server.report().connections).toBe(2)
    passMs(100)
    await silent.closed
    release()
    expect(await answer).toBe('wait')
    expect(limited).toEqual([`header-timeout ${HOSTILE}`])
  })
})

describe('more connections than may be', () => {
  it('make room at the cost of those that never called, and good callers go on', async () => {
    const { client, raw, limited, server } = await serve({ maxConnections: 3 })
    const good = client()
    expect(await good.call('1')).toBe('1')
    const idle = await Promise.all([raw(), raw()])
    const more = await Promise.all([raw(), raw(), raw()])
    await Promise.all(idle.map(({ closed }) => closed))
    expect(await good.call('2')).toBe('2')
    expect(await client().call('3')).toBe('3')
    await more[0]?.closed
    expect(new Set(limited)).toEqual(new Set([`connections ${HOSTILE}`]))
    expect(server.report().connections).toBeLessThanOrEqual(4)
  })

  it('end a client that idles, which connects anew without its caller knowing', async () => {
    const { client, limited } = await serve({ maxConnections: 1 })
    const [one, two] = [client(), client()]
    for (const text of ['1', '2', '3']) {
      expect(await one.call(text)).toBe(text)
      expect(await two.call(text)).toBe(text)
    }
    expect(limited).toHaveLength(5)
  })

  it('never end one with a call under way: the new one is refused', async () => {
    const { client, raw, waiting, release, server } = await serve({ maxConnections: 1 })
    const answer = client().call('wait')
    await waiting
    await (await raw()).closed
    expect(server.report()).toEqual({ connections: 1, calls: 1 })
    release()
    expect(await answer).toBe('wait')
    expect(server.report().calls).toBe(0)
  })
})

describe('a flood', () => {
  const reset = (id: number) =>
    Buffer.concat([
      frame(Frame.HEADERS, Flag.END_HEADERS, id, callHeaders(PATH)),
      frame(Frame.RST_STREAM, 0, id, Buffer.of(0, 0, 0, 8)),
    ])
  let streamId = 1
  const nextId = () => {
    streamId += 2
    return streamId
  }

  it.each<[string, () => Buffer, times?: number]>([
    ['pings', () => Buffer.concat(Array(1000).fill(PING))],
    ['settings', () => Buffer.concat(Array(1000).fill(frame(Frame.SETTINGS)))],
    // As many as HTTP/2 takes of one connection, which it then no longer reads.
    ['resets', () => Buffer.concat(Array.from({ length: 100 }, () => reset(nextId()))), 9],
    [
      'calls of what there is not',
      () =>
        frame(Frame.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, nextId(), callHeaders('/a.B/C')),
    ],
  ])('of %s is cut, its peer kept out, and another goes on', async (_, chunk, times) => {
    const { raw, client, limited } = await serve()
    const good = client()
    expect(await good.call('before')).toBe('before')
    // HTTP/2 itself ends some on one connection; the peer comes back until ours bars it.
    while (!limited.includes(`flood ${HOSTILE}`)) {
      const hostile = await raw()
      hostile.socket.write(HELLO)
      await hostile.flood(chunk, times)
      expect(await good.call('meanwhile')).toBe('meanwhile')
    }
    await (await raw()).closed
    expect(limited).toContain(`barred ${HOSTILE}`)
    expect(await client().call('after')).toBe('after')
  })
})

it('goes on after a call of what there is not that is reset at once', async () => {
  const { raw, client } = await serve()
  const hostile = await raw()
  const closed = frame(Frame.RST_STREAM, 0, 1, Buffer.of(0, 0, 0, 8))
  const begun = frame(Frame.HEADERS, Flag.END_HEADERS, 1, callHeaders('/a.B/C'))
  hostile.socket.end(Buffer.concat([HELLO, begun, closed]))
  await hostile.closed
  expect(await client().call('good')).toBe('good')
})

describe('streams that may stay open', () => {
  const start = async () => {
    const { server, limited } = await serve()
    const session = connectHttp2(`http://${server.address}`, { settings: { initialWindowSize: 0 } })
    onTestFinished(() => session.destroy())
    const request = (path: string) =>
      session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
    return { session, request, limited }
  }

  it('are bounded on one connection, and one that ends makes room', async () => {
    const { request, limited } = await start()
    const watch = async () => {
      const stream = request('/grpc.health.v1.Health/Watch')
      stream.end(Buffer.alloc(5))
      const [headers] = await once(stream, 'response')
      return { stream, code: headers['grpc-status'] }
    }
    const watches = await Promise.all(Array.from({ length: 16 }, watch))
    expect(watches.map(({ code }) => code)).toEqual(Array(16).fill(undefined))
    expect((await watch()).code).toBe(`${status.RESOURCE_EXHAUSTED}`)
    expect(limited).toEqual(['lasting-streams 127.0.0.1'])
    watches[0]?.stream.close()
    await expect.poll(async () => (await watch()).code).toBeUndefined()
  })

  it('are read no faster than their answers are', async () => {
    const { session, request } = await start()
    const stream = request('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo')
    const count = 20_000
    const listServices = Buffer.of(0, 0, 0, 0, 2, 0x3a, 0)
    let isTaken = false
    stream.end(Buffer.concat(Array(count).fill(listServices)), () => {
      isTaken = true
    })
    await once(stream, 'response')
    // A server that read on would have given room for the rest within a few of these.
    for (let i = 0; i < 200; i++) {
      await new Promise((resolve) => session.ping(resolve))
    }
    expect(isTaken).toBe(false)
    session.settings({ initialWindowSize: 2 ** 24 })
    session.setLocalWindowSize(2 ** 24)
    let bytes = 0
    stream.on('data', (chunk) => {
      bytes += chunk.length
    })
    await once(stream, 'end')
    expect(isTaken).toBe(true)
    expect(bytes % count).toBe(0)
  })
})

describe('a message', () => {
  it('of more bytes than may be is RESOURCE_EXHAUSTED and never seen', async () => {
    const { client, seen, limited } = await serve({ maxMessageBytes: 100 })
    const { call } = client()
    expect(await call(Buffer.alloc(101))).toBe('RESOURCE_EXHAUSTED')
    expect(await call('good')).toBe('good')
    expect(seen).toEqual(['good'])
    expect(limited).toEqual([expect.stringMatching(/^message-size /)])
  })

  it('is refused and told of also where it is small until it is unpacked', async () => {
    const { client, limited, seen } = await serve({ maxMessageBytes: 1_000 })
    const { call } = client({
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    })
    expect(await call('x'.repeat(1_000))).toBe('x'.repeat(1_000))
    expect(await call('x'.repeat(100_000))).toBe('RESOURCE_EXHAUSTED')
    expect(seen).toHaveLength(1)
    expect(limited).toEqual([expect.stringMatching(/^message-size /)])
  })

  it('of full length may come a thousand times without being taken for a flood', async () => {
    const { client, limited } = await serve({ maxMessageBytes: 10_000 })
    const { call } = client()
    const message = 'x'.repeat(10_000)
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => call(message)))
    expect(answers.every((answer) => answer === message)).toBe(true)
    expect(limited).toEqual([])
  })
})

describe('the calls of a peer', () => {
  it('are refused beyond its rate, of any service', async () => {
    const { client, limited, seen } = await serve({ peerCallsPerSecond: 1 })
    const { call } = client()
    const answers = []
    for (let i = 0; i < 4; i++) {
      answers.push(await call('good'))
    }
    answers.push(await call('', '/grpc.health.v1.Health/Check'))
    expect(answers.slice(0, 4)).toEqual(['good', 'good', 'good', 'good'])
    const refused = await Promise.all([
      call('more'),
      call('', '/grpc.health.v1.Health/Check'),
      call('more'),
    ])
    expect(refused).toContain('RESOURCE_EXHAUSTED')
    expect(limited).toContain('peer-calls 127.0.0.1')
    expect(seen.length).toBeLessThan(7)
  })

  it('that fail to prove who makes them are refused unread in the end; another peer is served', async () => {
    const { client, raw, limited, seen } = await serve({ peerFailuresPerSecond: 1 })
    const bad = Buffer.from([0, 0, 0, 0, 3, ...Buffer.from('bad')])
    while (!limited.includes(`flood ${HOSTILE}`)) {
      const hostile = await raw()
      let id = -1
      hostile.socket.write(HELLO)
      await hostile.flood(() => {
        id += 2
        return Buffer.concat([
          frame(Frame.HEADERS, Flag.END_HEADERS, id, callHeaders(PATH)),
          frame(Frame.DATA, Flag.END_STREAM, id, bad),
        ])
      })
    }
    const refused = limited.filter((met) => met === `peer-failures ${HOSTILE}`).length
    expect(refused).toBeGreaterThan(seen.length)
    expect(await client().call('good')).toBe('good')
  })

  it('that fail leave health open, for balancers', async () => {
    const { client } = await serve({ peerFailuresPerSecond: 1 })
    const { call } = client()
    const answers = []
    for (let i = 0; i < 20; i++) {
      answers.push(await call('bad'))
    }
    expect(answers[0]).toBe('UNAUTHENTICATED')
    expect(answers).toContain('RESOURCE_EXHAUSTED')
    expect(await call('', '/grpc.health.v1.Health/Check')).not.toBe('RESOURCE_EXHAUSTED')
  })
})

describe('a server that closes', () => {
  it('lets calls under way finish, and cuts the silent at once', async () => {
    const { server, client, raw, waiting, release } = await serve()
    const answer = client().call('wait')
    const silent = await raw()
    await waiting
    const closed = server.close(60_000)
    await silent.closed
    release()
    expect(await answer).toBe('wait')
    await closed
  })

  it('cuts everything after the grace period', async () => {
    const { server, client, waiting } = await serve()
    const answer = client().call('wait')
    await waiting
    await server.close(10)
    expect(await answer).toBe('UNAVAILABLE')
  })
})
