import { EventEmitter, once } from 'node:events'
import { get, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { StoreUnavailableError } from '../../../src/core/errors.js'
import { Secret } from '../../../src/credentials/secret.js'
import type { FeedServerOptions } from '../../../src/feed/server.js'
import { newAuthority } from '../../support/certificates.js'
import { DocumentClient } from '../../support/document-client.js'
import { expectedContent } from '../../support/feed.js'
import { startFeed } from '../../support/feed-server.js'
import { recordCalls } from '../../support/observer.js'
import { CALLER } from '../../support/sessions.js'
import { fixedTls } from '../../support/tls.js'

const PAGE = {
  body: Buffer.from('<!doctype html>'),
  etag: '"a"',
  headers: { 'Content-Type': 'text/html' },
}

async function start(options: Partial<FeedServerOptions> = {}) {
  const ticks: (() => void)[] = []
  const reports: unknown[] = []
  const { sessions, hub, server } = await startFeed({
    pages: new Map([['/', PAGE]]),
    onUsage: (usage) => reports.push(usage),
    every: (_, run) => {
      ticks.push(run)
      return () => {}
    },
    ...options,
  })
  const url = server.address.replace('http', 'ws')
  /** A viewer that follows the document; resolves once its reset has come. */
  const connect = async (
    query = '',
    headers: Record<string, string> = {},
    path = '/session-list',
  ) => {
    const socket = new WebSocket(`${url}${path}${query}`, { headers })
    const client = new DocumentClient(query.includes('printed'))
    const closed = new Promise<[number, string]>((resolve) =>
      socket.on('close', (code, reason) => resolve([code, String(reason)])),
    )
    socket.on('message', (data) => client.receive(String(data)))
    await once(socket, 'message')
    onTestFinished(() => socket.terminate())
    /** Resolves as soon as what came makes it true. */
    const until = async (isThere: () => boolean) => {
      while (!isThere()) {
        await once(socket, 'message')
      }
    }
    return { socket, client, closed, until }
  }
  const [ping, report] = ticks
  return {
    ...{ sessions, hub, server, connect, reports },
    ping: ping as () => void,
    tellUsage: report as () => void,
  }
}

const args = (n: number) => ({ userId: `u${n}`, userName: `n\n${n}`, address: 'a', client: 'web' })

it('goes on where a request fails for a reason of its own', async () => {
  const failures: unknown[] = []
  const { server } = await start({
    isReady: () => Promise.reject(new Error('planted')),
    onFailure: (error) => failures.push(error),
  })
  await expect(fetch(`${server.address}/readyz`)).rejects.toThrow()
  expect(failures).toEqual([new Error('planted')])
  expect((await fetch(`${server.address}/healthz`)).status).toBe(200)
})

describe('the session list over WebSocket', () => {
  it('is the same to every viewer, whenever it came and whichever dialect it asked for', async () => {
    const { sessions, connect } = await start()
    const opened = await Promise.all([1, 2, 3].map((n) => sessions.open(args(n))))
    const early = await connect()
    const printed = await connect('?dialect=printed')
    const [first, second] = opened.map(({ id }) => id)
    await sessions.storeData(first ?? '', '{"session_name":"<b>\\r\\n","users":[{"user_id":"x"}]}')
    const late = await connect()
    await sessions.close(second ?? '', CALLER)
    await sessions.updateUser(first ?? '', '{"is_patron":true}')
    const last = await sessions.open(args(4))
    const { sessions: open } = await sessions.list({ active: true })
    const expected = expectedContent(open.filter(({ id }) => id !== first))
    for (const { client, until } of [early, printed, late]) {
      await until(() => client.sessions.has(last.id))
      expect(client.problems).toEqual([])
      expect(client.content()).toMatchObject(expected)
      expect(client.sessions.get(first ?? '')).toMatchObject({ name: '<b>  ', joined: '1' })
      expect(client.sessions.size).toBe(3)
    }
    const ids = [early, printed, late].map(({ client }) => client.connectionId)
    expect(new Set(ids).size).toBe(3)
  })

  it('answers what is no message with an error, and ends with who sends no other', async () => {
    const { connect, server } = await start()
    const { socket, client, closed, until } = await connect()
    socket.send('hello')
    await until(() => client.errors.length === 1)
    expect(client.errors[0]).toMatch(/connect/)
    socket.send(Buffer.of(1, 2, 3))
    await until(() => client.errors.length === 2)
    for (let i = 0; i < 7; i++) {
      socket.send('connect\n')
    }
    expect((await closed)[0]).toBe(1008)
    expect(server.report()).toMatchObject({ malformed: 9 })
  })

  it('ends with who sends a message that is too large', async () => {
    const { connect, server } = await start()
    const { socket, closed } = await connect()
    socket.send('x'.repeat(5000))
    expect((await closed)[0]).toBe(1009)
    expect(server.report()).toMatchObject({ malformed: 1 })
  })

  it('drops who does not answer pings, and only them', async () => {
    const { connect, ping, server } = await start()
    const silent = await connect()
    silent.socket.pause()
    const alive = await connect()
    const ponged = once(alive.socket, 'ping')
    ping()
    await ponged
    // The answer is on its way behind the ping: a message behind it tells when it has come.
    alive.socket.send('hello')
    await alive.until(() => alive.client.errors.length === 1)
    ping()
    silent.socket.resume()
    expect((await silent.closed)[0]).toBe(1006)
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
    expect(server.report().dropped).toEqual({ 'it does not answer pings': 1 })
  })

  it('counts viewers by version, and says who is outdated', async () => {
    const { connect, reports, tellUsage } = await start()
    for (const version of ['1.9.9', '1.10.0', '1.10.0', 'very\u0000odd']) {
      const { socket, client, until } = await connect()
      socket.send(`connect\nu\nAda\n${version}`)
      socket.send('so that there is an answer')
      await until(() => client.errors.length === 1)
    }
    await connect()
    tellUsage()
    tellUsage()
    expect(reports).toEqual([
      expect.objectContaining({
        viewers: 5,
        versions: { '1.10.0': 2, '1.9.9': 1, other: 1, unknown: 1 },
        outdated: 1,
        malformed: 4,
      }),
    ])
  })

  it('says goodbye when the server stops', async () => {
    const { connect, server } = await start()
    const { closed } = await connect()
    await server.close()
    expect(await closed).toEqual([1001, 'the server stops'])
  })
})

describe('who is let in', () => {
  const text = 'a-token-of-sixteen-or-more'
  const token = new Secret(text)
  const local = { isPublic: false }
  const refused = (status: number) => new RegExp(`Unexpected server response: ${status}`)

  it.each([
    ['no page', local, {}, ''],
    ['a page of the same host', local, { Host: 'localhost:1', Origin: 'http://localhost:1' }, ''],
    [
      'a page behind TLS',
      { isPublic: true },
      { Host: 'a.example', Origin: 'https://a.example' },
      '',
    ],
    [
      'its own port written out',
      { isPublic: true },
      { Host: 'a.example:443', Origin: 'https://a.example' },
      '',
    ],
    ['a token in the header', { isPublic: false, token }, { Authorization: `Bearer ${text}` }, ''],
    ['a token in the address', { isPublic: false, token }, { Host: 'a.example' }, `?token=${text}`],
  ])('%s', async (_, access, headers, query) => {
    const { connect } = await start({ access })
    expect((await connect(query, headers)).client.expectedVersion).toBe('1.10.0')
  })

  it.each([
    [
      'a page of another host',
      local,
      { Host: 'localhost:1', Origin: 'http://evil.example' },
      '',
      403,
    ],
    [
      'a page of another port',
      local,
      { Host: 'localhost:1', Origin: 'http://localhost:2' },
      '',
      403,
    ],
    ['a page of no origin', local, { Origin: 'null' }, '', 403],
    [
      'a name that was made to point here',
      local,
      { Host: 'evil.example', Origin: 'http://evil.example' },
      '',
      403,
    ],
    [
      'another page where all may watch',
      { isPublic: true },
      { Origin: 'http://evil.example' },
      '',
      403,
    ],
    ['no token', { isPublic: false, token }, {}, '', 401],
    ['another token', { isPublic: false, token }, {}, `?token=${text}x`, 401],
    [
      'another token in the header',
      { isPublic: false, token },
      { Authorization: 'Bearer x' },
      `?token=${text}`,
      401,
    ],
  ])('not %s', async (_, access, headers, query, status) => {
    const { connect, server } = await start({ access })
    await expect(connect(query, headers)).rejects.toThrow(refused(status))
    expect(server.report().refused).toBe(1)
  })

  it('not on another path, and no more than may be', async () => {
    const { connect } = await start({ limits: { maxViewers: 1 } })
    await expect(connect('', {}, '/other')).rejects.toThrow(refused(404))
    await connect()
    await expect(connect()).rejects.toThrow(refused(503))
  })
})

describe('over HTTP', () => {
  async function request(address: string, path: string, options: object = {}) {
    const [response] = await once(get(`${address}${path}`, options), 'response')
    let body = ''
    for await (const chunk of response) {
      body += chunk
    }
    return { status: response.statusCode, body, headers: response.headers }
  }

  it.each([
    ['/', {}, 200],
    ['/?q=1', {}, 200],
    ['/', { headers: { Host: 'evil.example' } }, 403],
    ['/', { method: 'POST' }, 405],
    ['/healthz', {}, 200],
    ['/healthz', { headers: { Host: 'probe.example' } }, 200],
    ['/readyz', {}, 200],
    ['/../package.json', {}, 404],
    ['//', {}, 404],
    ['/session-list', {}, 426],
    ['/session-list', { headers: { Host: 'evil.example' } }, 403],
    ['/session-list', { headers: { Origin: 'http://evil.example' } }, 403],
  ])('%s %j gives %i', async (path, options, status) => {
    const { server } = await start()
    expect((await request(server.address, path, options)).status).toBe(status)
  })

  it('tells a page why it may not watch, which browsers keep to themselves', async () => {
    const text = 'a+token+of/sixteen-or-more='
    const { server } = await start({ access: { isPublic: false, token: new Secret(text) } })
    expect(await request(server.address, '/session-list')).toMatchObject({
      status: 401,
      body: 'the token of --feed-token is needed\n',
    })
    for (const given of [text, encodeURIComponent(text)]) {
      expect((await request(server.address, `/session-list?token=${given}`)).status).toBe(426)
    }
  })

  it('is not ready once its store is not', async () => {
    const { server } = await start({ isReady: async () => false })
    expect((await request(server.address, '/readyz')).status).toBe(503)
    expect((await request(server.address, '/healthz')).status).toBe(200)
  })

  it('says where it cannot listen', async () => {
    const { server } = await start()
    const port = Number(new URL(server.address).port)
    await expect(start({ port })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  })
})

it.each([
  [new StoreUnavailableError('it is closed'), 503, []],
  [new Error('secret'), null, [new Error('secret')]],
])('metrics that fail as %s are answered, or told of', async (error, status, told) => {
  const failures: unknown[] = []
  const { server } = await start({
    metrics: { refusal: () => null, contentType: 'text/plain', text: () => Promise.reject(error) },
    onFailure: (failure) => failures.push(failure),
  })
  const answer = await fetch(`${server.address}/metrics`).catch(() => null)
  expect(answer?.status ?? null).toBe(status)
  expect(failures).toEqual(told)
})

describe('requests that were sent ahead on one connection', () => {
  const SENT = 1000

  async function sendAhead(server: { address: string }, path: string) {
    const socket = connectSocket(Number(new URL(server.address).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(SENT))
    return socket
  }

  it('keep nobody else waiting until all are answered', async () => {
    let asked = 0
    const begun = new EventEmitter()
    const { server } = await start({
      isReady: async () => {
        asked++
        begun.emit('asked')
        return true
      },
    })
    const first = once(begun, 'asked')
    await sendAhead(server, '/readyz')
    await first
    expect((await fetch(`${server.address}/healthz`)).status).toBe(200)
    expect(asked).toBeLessThan(SENT)
  })

  it('are answered all, and in their order', async () => {
    let last = 0
    const { server } = await start({
      metrics: {
        refusal: () => null,
        contentType: 'text/plain',
        text: async () => Buffer.from(`no ${++last}.`),
      },
    })
    const socket = await sendAhead(server, '/metrics')
    let text = ''
    for await (const chunk of socket) {
      text += chunk
      if (text.endsWith(`no ${SENT}.`)) {
        break
      }
    }
    const order = [...text.matchAll(/no (\d+)\./g)].map(([, n]) => Number(n))
    expect(order).toEqual(Array.from({ length: SENT }, (_, i) => i + 1))
  })
})

describe('a server that stops', () => {
  const asked = new EventEmitter()
  /** Answers once the test says what. */
  const answerOfTest = async () => {
    const answer = once(asked, 'answer')
    asked.emit('begun')
    return (await answer)[0]
  }
  const commandable = {
    sessions: { has: () => true, run: answerOfTest },
    mayBeAsked: () => true,
    caller: () => CALLER,
    observer: recordCalls().observer,
  }
  const operator = {
    sessions: {
      get: answerOfTest,
      list: () => expect.fail(),
      close: () => expect.fail(),
      delete: () => expect.fail(),
      expiresAtMs: () => expect.fail(),
    },
    search: { page: () => expect.fail() },
    operator: () => CALLER,
    onInternalError: () => {},
  }

  it.each([
    ['commands', '/v1/sessions/get_sessions', { commandable }],
    ["operators' calls", '/operator/show', { operator }],
  ])('waits for %s under way, and cuts them when its grace is over', async (_, path, ports) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    for (const isAnswered of [true, false]) {
      const { server } = await start(ports)
      const begun = once(asked, 'begun')
      const headers = { 'Content-Type': 'application/json' }
      const request = httpRequest(`${server.address}${path}`, { method: 'POST', headers })
      const outcome = Promise.race([once(request, 'response'), once(request, 'error')])
      outcome.catch(() => {})
      request.end('{"session_id":"x"}')
      await begun
      const closed = server.close(60_000)
      await vi.advanceTimersByTimeAsync(59_000)
      if (isAnswered) {
        asked.emit('answer', null)
        const [response] = await outcome
        expect([204, 404]).toContain(response.statusCode)
        response.resume()
        expect(await closed).toBe(0)
      } else {
        await vi.advanceTimersByTimeAsync(1_000)
        await expect(outcome).rejects.toMatchObject({ code: 'ECONNRESET' })
        expect(await closed).toBe(1)
      }
    }
  })

  it('does not wait for commands sent ahead on a connection that is gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const begun = new EventEmitter()
    const commandable = {
      sessions: { has: () => true, run: () => new Promise<never>(() => {}) },
      mayBeAsked(request: IncomingMessage) {
        begun.emit('asked', request)
        return true
      },
      caller: () => CALLER,
      observer: recordCalls().observer,
    }
    const { server } = await start({ commandable })
    const port = Number(new URL(server.address).port)
    const silent = connectSocket(port, '127.0.0.1').on('error', () => {})
    await once(silent, 'connect')
    const gone = connectSocket(port, '127.0.0.1')
    await once(gone, 'connect')
    const head =
      'POST /v1/sessions/get_sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'
    const asked: Promise<IncomingMessage[]> = once(begun, 'asked')
    gone.write(head.repeat(20))
    const [{ socket } = expect.fail()] = await asked
    socket.on('error', () => {})
    const left = new Promise((resolve) => socket.on('close', resolve))
    gone.resetAndDestroy()
    await left
    const closed = server.close(60_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await closed).toBe(0)
  })

  it('ends also while a peer over TLS says nothing', async () => {
    const { server } = await start({ tls: fixedTls(newAuthority().issue()) })
    const { hostname, port, protocol } = new URL(server.address)
    expect(protocol).toBe('https:')
    const socket = connectSocket(Number(port), hostname).on('error', () => {})
    await once(socket, 'connect')
    const ended = once(socket, 'close')
    await server.close()
    await ended
  })
})

describe('the connections of the session list', () => {
  /** A connection that says nothing. */
  async function idle(address: string) {
    const socket = connectSocket(Number(new URL(address).port), '127.0.0.1')
    socket.on('error', () => {})
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    return { socket, closed }
  }

  it('keep nobody out by being there: who waited longest gives way, viewers and requests do not', async () => {
    let met = 0
    const options = { limits: { maxViewers: 0, otherConnections: 3 }, onFull: () => met++ }
    const { server } = await start(options)
    const [first, second, third] = [
      await idle(server.address),
      await idle(server.address),
      await idle(server.address),
    ]
    expect((await fetch(`${server.address}/healthz`)).status).toBe(200)
    await first.closed
    expect(met).toBe(1)
    expect([second.socket.destroyed, third.socket.destroyed]).toEqual([false, false])
  })

  it('never take the place of a viewer', async () => {
    const { server, connect } = await start({ limits: { maxViewers: 1, otherConnections: 1 } })
    const { socket, client } = await connect()
    const first = await idle(server.address)
    await idle(server.address)
    await first.closed
    expect(client.problems).toEqual([])
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })

  it.each([
    ['no headers', ''],
    ['half of its headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n'],
    ['half of its body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12'],
  ])('end where a request brings %s in time', async (_, sent) => {
    const { server } = await start({ limits: { headerTimeoutMs: 50 } })
    const { socket, closed } = await idle(server.address)
    socket.resume()
    socket.write(sent)
    await closed
  })
})
