import { request } from 'node:http'
import { connect } from 'node:net'
import { status } from '@grpc/grpc-js'
import { it as base, describe, expect } from 'vitest'
import { RefusedError } from '../../../src/client/index.js'
import type { SessionCommands } from '../../../src/seneca/commands.js'
import { type HttpLimits, startSenecaHttp } from '../../../src/seneca/http.js'
import type { SenecaHooks } from '../../../src/seneca/listener.js'
import { hooks, memorySessions, portOf, untilAborted } from '../../support/seneca.js'

const LIST = '{"role":"sessions","cmd":"get_sessions","filter":{}}'
const OPEN = '{"role":"sessions","cmd":"open_session","user_id":"eve"}'

interface Post {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

const it = base.extend('start', async ({ task: _ }, { onCleanup }) => {
  const cleanups: (() => unknown)[] = []
  onCleanup(async () => {
    for (const cleanup of cleanups) {
      await cleanup()
    }
  })
  return async (
    replaced: Partial<SessionCommands> = {},
    limits: Partial<HttpLimits> = {},
    more: Partial<SenecaHooks> = {},
  ) => {
    const { sessions } = memorySessions()
    const commands = new Proxy(sessions as SessionCommands, {
      get(target, name: keyof SessionCommands) {
        return replaced[name] ?? target[name].bind(target)
      },
    })
    const hooked = hooks()
    const both = { ...hooked, ...more }
    const listener = await startSenecaHttp('127.0.0.1', 0, commands, both, limits)
    cleanups.push(() => listener.close(0))
    const port = portOf(listener)
    const send = ({ method = 'POST', path = '/act', headers = {}, body = LIST }: Post = {}) =>
      new Promise<{ status: number; headers: object; body: unknown }>((resolve, reject) => {
        const options = { host: '127.0.0.1', port, method, path, agent: false }
        // What ends the connection is then the listener's will alone.
        const usual = { 'Content-Type': 'application/json', Connection: 'keep-alive' }
        const sent = request({ ...options, headers: { ...usual, ...headers } }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part) => {
            text += part
          })
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: text && JSON.parse(text),
            }),
          )
        })
        sent.on('error', reject)
        sent.end(body)
      })
    const stillServes = async () =>
      expect(await send()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } })
    return { listener, port, send, stillServes, sessions, told: hooked.told }
  }
})

const HEAD = 'POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json'

/** A connection on which an act was answered, and no other asked for. */
async function idleConnection(port: number) {
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.write(`${HEAD}\r\nContent-Length: ${LIST.length}\r\n\r\n${LIST}`)
  await new Promise((resolve) => socket.once('data', resolve))
  return { closed }
}

describe('POST /act', () => {
  it('answers with the headers of the wire', async ({ start }) => {
    const { send } = await start()
    const headers = {
      'seneca-id': 'pbjdcpb7e1cp/5339wqn62w9b',
      'seneca-kind': 'req',
      'seneca-origin': 'boptm37gmpou/1795307824745/942/3.38.0/-',
      'seneca-track': '["boptm37gmpou/1795307824745/942/3.38.0/-","b/2"]',
      'seneca-time-client-sent': '1795307825382',
    }
    const answer = await send({ headers })
    expect(answer).toMatchObject({
      status: 200,
      body: { total: null, data: [] },
      headers: {
        'content-type': 'application/json',
        'cache-control': 'private, max-age=0, no-cache, no-store',
        'seneca-id': headers['seneca-id'],
        'seneca-kind': 'res',
        'seneca-origin': headers['seneca-origin'],
        'seneca-accept': expect.stringMatching(/^[\w-]+\/\d+\/sessiond\/-$/),
        'seneca-track': 'boptm37gmpou/1795307824745/942/3.38.0/-,b/2',
        'seneca-time-client-sent': headers['seneca-time-client-sent'],
        'seneca-time-listen-recv': expect.stringMatching(/^\d+$/),
        'seneca-time-listen-sent': expect.stringMatching(/^\d+$/),
      },
    })
    expect(Object.keys(answer.headers).join()).not.toContain('access-control')
  })

  it('answers who sends none of them, such as curl', async ({ start }) => {
    const { send } = await start()
    const { status, headers } = await send({ headers: { 'seneca-track': 'not json' } })
    expect(status).toBe(200)
    expect(headers).not.toHaveProperty('seneca-id')
    expect(headers).not.toHaveProperty('seneca-track')
  })

  it.for<[string, number, string, object]>([
    ['null', 200, '{"cmd":"get_session_by_id","session_id":"x"}', { body: null }],
    ['what is missing', 400, '{"cmd":"get_session_by_id"}', { body: { code: 'MISSING_FIELD' } }],
    ['what is not there', 404, '{"cmd":"no"}', { body: { code: 'ACT_NOT_FOUND' } }],
    [
      'another version',
      400,
      '{"version":2,"cmd":"get_sessions"}',
      { body: { code: 'UNSUPPORTED_VERSION' } },
    ],
    [
      'an unknown session',
      404,
      '{"cmd":"update_session_user","session_id":"x","user":{}}',
      { body: { code: 'NOT_FOUND', message: 'there is no session x', status: 404 } },
    ],
  ])('answers %s with %i', async ([, status, act, answer], { start }) => {
    const { send } = await start()
    const body = act.replace('{', '{"role":"sessions",')
    expect(await send({ body })).toMatchObject({ status, ...answer })
  })

  it('ends no more than a connection where an answer fails to be given', async ({ start }) => {
    const { send, told } = await start(
      { list: () => Promise.reject(new Error('secret')) },
      {},
      {
        onRefused() {
          throw new Error('planted')
        },
      },
    )
    await expect(send({ path: '/' })).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(told.failures).toEqual([new Error('planted')])
    expect(await send()).toMatchObject({ status: 500 })
  })

  it('answers a failure of the inside with 500 and no more', async ({ start }) => {
    const { send, told } = await start({ list: () => Promise.reject(new Error('secret')) })
    expect(await send()).toMatchObject({ status: 500, body: { message: 'internal error' } })
    expect(told.internal).toEqual([['get_sessions', new Error('secret')]])
  })

  it.for<[string, number, Post]>([
    ["another site's page", 403, { headers: { Origin: 'https://evil.example' } }],
    ['a page without a site', 403, { headers: { Origin: 'null' } }],
    ['a page of this machine', 403, { headers: { Origin: 'http://localhost' } }],
    ['a form', 415, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }],
    ['a simple fetch', 415, { headers: { 'Content-Type': 'text/plain;charset=UTF-8' } }],
    ['a type that begins the same', 415, { headers: { 'Content-Type': 'application/jsonp' } }],
    ['a name that points here', 403, { headers: { Host: 'rebound.example:8807' } }],
    ['a name that begins the same', 403, { headers: { Host: 'localhost.evil.example' } }],
    ['an address that begins the same', 403, { headers: { Host: '127.0.0.1.evil.example' } }],
    ['another path', 404, { path: '/' }],
    ['a longer path', 404, { path: '/act/x' }],
    ['arguments in the address', 404, { path: `/act?args$=${encodeURIComponent(OPEN)}` }],
    ['GET', 405, { method: 'GET', body: '' }],
    ['a preflight', 405, { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } }],
    ['no JSON', 400, { body: 'hello' }],
    ['nothing', 400, { body: '' }],
    ['an array', 400, { body: `[${OPEN}]` }],
    ['bytes that are not UTF-8', 400, { body: Buffer.from('{"a":"\u00ff"}', 'latin1') }],
    ['100,000 levels', 400, { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }],
    ['too much', 413, { body: `${OPEN}${' '.repeat(1024 * 1024)}` }],
  ])('refuses %s with %i', async ([, status, post], { start }) => {
    const { send, stillServes, sessions } = await start()
    const answer = await send({ body: OPEN, ...post })
    expect(answer).toMatchObject({
      status,
      body: { status, message: expect.any(String), code: expect.stringMatching(/^[A-Z_]+$/) },
      headers: { connection: 'close' },
    })
    expect((await sessions.list({})).sessions).toEqual([])
    await stillServes()
  })

  it.for([
    ...['localhost', 'LocalHost:8807', '127.0.0.1:1', '[::1]', '[::1]:8807'],
    // As clients of 0.6 have it that are told no host.
    ...['0.0.0.0:8807', '[::]:8807'],
  ])('takes the Host %s', async (Host, { start }) => {
    const { send } = await start()
    const headers = { Host, 'Content-Type': 'application/json; charset=utf-8' }
    expect(await send({ headers })).toMatchObject({ status: 200 })
  })

  it('answers 1,000 acts at once, each on a connection of its own', async ({ start }) => {
    const begun: (() => void)[] = []
    const { send, told } = await start({
      async list() {
        await new Promise<void>((resolve) => {
          begun.push(resolve)
          // None is answered before all are there.
          if (begun.length === 1000) {
            begun.map((go) => go())
          }
        })
        return { sessions: [], total: null }
      },
    })
    const headers = { Connection: 'close' }
    const answers = await Promise.all(Array.from({ length: 1000 }, () => send({ headers })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(told.refused).toEqual([])
  })

  it('closes connections between two requests for one that has come', async ({ start }) => {
    const { port, send, told } = await start({}, { maxConnections: 8 })
    const idle = await Promise.all(Array.from({ length: 4 }, () => idleConnection(port)))
    const unfinished = connect(port, '127.0.0.1')
    unfinished.write(`${HEAD}\r\nContent-Length: 99\r\n\r\n{`)
    const answers = await Promise.all(Array.from({ length: 6 }, () => send()))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
    await Promise.all(idle.map(({ closed }) => closed))
    expect(told.refused).toEqual([])
    unfinished.destroy()
  })

  it('reads no more bodies at once than it may hold, and each in its turn', async ({ start }) => {
    const begun: (() => void)[] = []
    const { send } = await start(
      {
        list: () =>
          new Promise((resolve) => begun.push(() => resolve({ sessions: [], total: null }))),
      },
      { maxHeldBytes: LIST.length * 2 },
    )
    const sent = Array.from({ length: 5 }, () => send())
    for (let answered = 0; answered < 5; answered++) {
      while (begun.length < Math.min(answered + 2, 5)) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      await send({ method: 'GET', body: '' })
      expect(begun.length).toBe(Math.min(answered + 2, 5))
      begun[answered]?.()
    }
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(Array(5).fill(200))
  })

  it('lets bodies that are announced and do not come hold up nobody', async ({ start }) => {
    const { port, send } = await start({}, { maxHeldBytes: 2 * LIST.length })
    const announced = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'))
    for (const socket of announced) {
      socket.on('error', () => {})
      await new Promise((sent) => socket.write(`${HEAD}\r\nContent-Length: 1048576\r\n\r\n`, sent))
    }
    for (let n = 0; n < 3; n++) {
      expect(await send()).toMatchObject({ status: 200 })
    }
    for (const socket of announced) {
      socket.destroy()
    }
  })

  it('answers with 500 what a server elsewhere refuses for a reason that none of ours has', async ({
    start,
  }) => {
    const refused = new RefusedError(status.FAILED_PRECONDITION, 'constructor', 'made up')
    const { send } = await start({ list: () => Promise.reject(refused) })
    expect(await send()).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
  })

  it('refuses a proxy whose header comes behind a thousand others', async ({ start }) => {
    const { port } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `${HEAD}\r\nContent-Length: 0\r\n${'a:\r\n'.repeat(1_100)}x-forwarded-for: 1.2.3.4\r\n\r\n`,
    )
    expect(String((await socket.toArray())[0])).toMatch(/^HTTP\/1.1 403 /)
  })

  it('refuses a body that is said to be too long before it comes', async ({ start }) => {
    const { port } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${1024 * 1024 + 1}\r\n\r\n`,
    )
    let answer = ''
    for await (const part of socket.setEncoding('utf8')) {
      answer += part
    }
    expect(answer).toContain('HTTP/1.1 413 ')
  })

  it('cuts a body without end that does not tell its length', async ({ start }) => {
    const { port, stillServes, told } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    let isClosed = false
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    void closed.then(() => {
      isClosed = true
    })
    socket.write(
      'POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = `10000\r\n${'{'.repeat(0x10000)}\r\n`
    while (!isClosed) {
      if (!socket.write(chunk)) {
        const drained = new Promise((resolve) => socket.once('drain', resolve))
        await Promise.race([drained, closed])
      }
    }
    expect(told.refused).toEqual(['the body has more than 1048576 bytes'])
    expect(socket.bytesWritten).toBeLessThan(32 * 1024 * 1024)
    await stillServes()
  })

  it('ends a list whose caller goes away while it is read', async ({ start }) => {
    const reading = untilAborted()
    const { port, told } = await start({ list: reading.list })
    const socket = connect(port, '127.0.0.1')
    socket.write(`${HEAD}\r\nContent-Length: ${LIST.length}\r\n\r\n${LIST}`)
    while (!reading.isBegun) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.resetAndDestroy()
    while (told.ended.length === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(told.ended).toMatchObject([{ method: 'get_sessions', code: '499' }])
    expect(told.failures).toEqual([])
  })

  it('cuts who sends requests without waiting for answers', async ({ start }) => {
    let answer: () => void = () => {}
    let begun = 0
    const { port, stillServes, told } = await start({
      get: () => {
        begun++
        return new Promise((resolve) => {
          answer = () => resolve(null)
        })
      },
    })
    const body = '{"role":"sessions","cmd":"get_session_by_id","session_id":"x"}'
    const head = `POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.write(`${head}${body}`.repeat(100))
    await closed
    answer()
    expect(begun).toBeLessThanOrEqual(1)
    expect(told.refused).toEqual(['it sends requests before it has its answers'])
    await stillServes()
  })

  it('answers what is under way when the listener closes', async ({ start }) => {
    let answer: (() => void) | undefined
    const { listener, send } = await start({
      list: () =>
        new Promise((resolve) => {
          answer = () => resolve({ sessions: [], total: null })
        }),
    })
    const sent = send()
    while (answer === undefined) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const closed = listener.close(60_000)
    answer()
    expect(await sent).toMatchObject({
      status: 200,
      body: { data: [] },
      headers: { connection: 'close' },
    })
    expect(await closed).toBe(0)
  })

  // Sooner than the listener ends such a connection anyway.
  it('waits for no connection that has sent nothing when it closes', { timeout: 20_000 }, async ({
    start,
  }) => {
    const { listener, port, send } = await start()
    const silent = connect(port, '127.0.0.1')
    const closed = new Promise<void>((resolve) => silent.on('close', () => resolve()))
    silent.resume()
    // Connections are accepted in their order.
    await send()
    expect(await listener.close(60_000)).toBe(0)
    await closed
  })

  it('cuts what takes longer than it may when the listener closes', async ({ start }) => {
    let closed: Promise<number> | undefined
    const { listener, send } = await start({
      list: () => {
        closed = listener.close(0)
        return new Promise(() => {})
      },
    })
    await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await closed).toBe(1)
  })
})
