import { getEventListeners, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { watchSocket } from '../../../src/cli/sessions/watch-socket.js'
import { UnprotectedTokenError } from '../../../src/client/errors.js'
import {
  type SessionWatch,
  type WatchEvent,
  type WatchOptions,
  watchSessions,
} from '../../../src/client/watch.js'
import { Secret } from '../../../src/credentials/secret.js'
import { startFeed } from '../../support/feed-server.js'
import { freePort } from '../../support/free-port.mjs'
import { CALLER } from '../../support/sessions.js'

const token = 'a-token-of-sixteen-or-more'

/** A watch whose delays end when the test says so. */
function startWatch(port: number, options: WatchOptions = {}) {
  const delays: { delayMs: number; run: () => void }[] = []
  const watch = watchSessions(
    `ws://127.0.0.1:${port}/session-list`,
    { WebSocket, ...options },
    {
      random: () => 1,
      after(delayMs, run) {
        const delay = { delayMs, run }
        delays.push(delay)
        return () => delays.splice(delays.indexOf(delay), 1)
      },
    },
  )
  onTestFinished(() => watch.close())
  const events = watch[Symbol.asyncIterator]()
  /** The events up to the first of a type. */
  const until = async (type: WatchEvent['type']) => {
    const seen: WatchEvent[] = []
    while (seen.at(-1)?.type !== type) {
      const { value, done } = await events.next()
      if (done) {
        throw new Error('the watch has ended')
      }
      seen.push(value)
    }
    return seen
  }
  return { watch, events, until, elapse: () => delays.shift()?.run(), delays }
}

const args = (n: number, data: object | null = null) => ({
  ...{ userId: `u${n}`, address: 'a', client: 'web' },
  data: JSON.stringify(data),
})
const userAt = (id: string) => ({ user_id: id, username: id })

describe('the WebSocket of the command line', () => {
  /** Ends the waits for a server when the test says so. */
  function silence() {
    const waits: { delayMs: number; run: () => void }[] = []
    const after = (delayMs: number, run: () => void) => {
      const wait = { delayMs, run }
      waits.push(wait)
      return () => void waits.splice(waits.indexOf(wait), 1)
    }
    return { waits, after }
  }

  it('does not wait for a server that has fallen silent', async () => {
    const { port } = await startFeed()
    const { waits, after } = silence()
    const { until } = startWatch(port, { WebSocket: watchSocket({ after }) })
    await until('open')
    expect(waits).toEqual([{ delayMs: 75_000, run: expect.any(Function) }])
    waits[0]?.run()
    expect((await until('waiting')).at(-1)).toMatchObject({ reason: 'the server is silent' })
    await expect.poll(() => waits).toEqual([])
  })

  it('hears pings', async () => {
    const pings: (() => void)[] = []
    const every = (_: number, run: () => void) => {
      pings.push(run)
      return () => {}
    }
    const { port } = await startFeed({ every })
    const { waits, after } = silence()
    const { until } = startWatch(port, { WebSocket: watchSocket({ after }) })
    await until('open')
    const [before] = waits
    pings[0]?.()
    await expect.poll(() => waits).not.toContain(before)
    expect(waits).toHaveLength(1)
  })

  it('takes no message longer than one may be', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => void server.close())
    server.on('connection', (socket) => {
      socket.on('error', () => {})
      socket.send('x'.repeat(13 * 1024 * 1024))
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { until } = startWatch(port, { WebSocket: watchSocket() })
    expect((await until('waiting')).at(-1)).toMatchObject({
      reason: 'Max payload size exceeded',
    })
  })

  it('tells why a server refused it', async () => {
    const access = { isPublic: false, token: new Secret(token) }
    const { port } = await startFeed({ access })
    const { until } = startWatch(port, { WebSocket: watchSocket() })
    expect((await until('waiting')).at(-1)).toMatchObject({
      reason: 'the server refuses (401): the token of --feed-token is needed',
    })
  })
})

describe('watchSessions', () => {
  it.each([
    'http://127.0.0.1:8808/session-list',
    '127.0.0.1:8808',
    'ws://127.0.0.1:8808/#part',
    '',
  ])('refuses what is no URL of a session list: %j', (url) => {
    expect(() => watchSessions(url, { WebSocket })).toThrow(TypeError)
    expect(() => watchSessions(url, { WebSocket })).toThrow(
      'such as ws://127.0.0.1:8808/session-list',
    )
  })

  it('gives up where it may, and says what the other clients say of a server that is away', async () => {
    const { watch, until, elapse, events } = startWatch(await freePort(), {
      token,
      retry: { attempts: 2 },
    })
    const [waiting] = (await until('waiting')).slice(-1)
    expect(waiting).toMatchObject({ error: { code: 'SERVER_UNAVAILABLE' } })
    elapse()
    await until('connecting')
    const late = watch[Symbol.asyncIterator]()
    const away = {
      name: 'ServerUnavailableError',
      message: expect.stringMatching(
        /^the session server at ws:.*is not connected: .*ECONNREFUSED/,
      ),
    }
    await expect(events.next()).rejects.toMatchObject(away)
    for (const other of [late, watch[Symbol.asyncIterator]()]) {
      await other.next()
      await expect(other.next()).rejects.toMatchObject(away)
    }
    expect(inspect(waiting, { depth: 9 })).not.toContain(token)
  })

  it('shows no token in its errors', async () => {
    const secret = `?token=${token}`
    expect(() => watchSessions(`http://127.0.0.1/${secret}`, { WebSocket })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(token) }),
    )
    const watch = watchSessions(`ws://127.0.0.1:${await freePort()}/${secret}`, {
      ...{ WebSocket, retry: { attempts: 1 } },
    })
    const events = watch[Symbol.asyncIterator]()
    await events.next()
    const error = await events.next().catch((error) => error)
    expect(error).toMatchObject({ code: 'SERVER_UNAVAILABLE' })
    expect(inspect(error, { depth: 9 })).not.toContain(token)
  })

  it.each([
    ['using', (watch: SessionWatch) => watch[Symbol.dispose]()],
    ['await using', (watch: SessionWatch) => watch[Symbol.asyncDispose]()],
  ])('ends with its scope: %s', async (_, end) => {
    const { watch, events, until } = startWatch((await startFeed()).port)
    await until('open')
    await end(watch)
    expect(await events.next()).toMatchObject({ done: true })
  })

  it('tells of sessions as they come, change and go, and keeps the map in step', async () => {
    const { sessions, port } = await startFeed()
    const { watch, until } = startWatch(port, { version: '1.2.2' })
    expect(await until('open')).toMatchObject([
      { type: 'connecting' },
      { type: 'open', expectedVersion: '1.10.0' },
    ])
    const { id } = await sessions.open(args(1, { users: [userAt('x')] }))
    expect(await until('added')).toMatchObject([{ session: { id, joinedUsers: 1 } }])
    await sessions.storeData(id, JSON.stringify({ session_name: 'G', users: [userAt('y')] }))
    expect(await until('updated')).toMatchObject([{ session: { users: [] } }])
    expect(await until('updated')).toMatchObject([{ session: { users: [{ id: 'y' }] } }])
    expect(await until('updated')).toMatchObject([{ session: { name: 'G' } }])
    expect(watch.sessions.get(id)).toMatchObject({ name: 'G', users: [{ id: 'y' }] })
    await sessions.close(id, CALLER)
    expect(await until('removed')).toMatchObject([{ session: { id } }])
    expect(watch.sessions.size).toBe(0)
  })

  it('connects again, and shows no empty list in between', async () => {
    const first = await startFeed({ port: await freePort() })
    const { watch, until, elapse, delays } = startWatch(first.port)
    const gone = await first.sessions.open(args(1))
    await until('added')
    await first.server.close()
    expect((await until('waiting')).at(-1)).toMatchObject({
      reason: 'the server stops',
      retryDelayMs: 500,
    })
    // Nobody is there yet: the delay doubles.
    elapse()
    expect((await until('waiting')).at(-1)).toMatchObject({ retryDelayMs: 1000 })
    expect([...watch.sessions.keys()]).toEqual([gone.id])

    const second = await startFeed({ port: first.port })
    const { id } = await second.sessions.open(args(2))
    elapse()
    await until('added')
    expect([...watch.sessions.keys()]).toEqual([gone.id, id])
    expect(delays).toHaveLength(1)
    elapse()
    expect(await until('removed')).toMatchObject([{ session: { id: gone.id } }])
    expect([...watch.sessions.keys()]).toEqual([id])
  })

  it('begins each iteration with how things are', async () => {
    const { sessions, port } = await startFeed()
    const { watch, until } = startWatch(port)
    const { id } = await sessions.open(args(1))
    await until('added')
    const seen: WatchEvent[] = []
    for await (const event of watch) {
      seen.push(event)
      if (event.type === 'added') {
        break
      }
    }
    expect(seen).toMatchObject([{ type: 'open' }, { type: 'added', session: { id } }])
  })

  it('shows its token, and says why it is not let in', async () => {
    const { port } = await startFeed({ access: { isPublic: false, token: new Secret(token) } })
    await startWatch(port, { token }).until('open')
    const refused = await startWatch(port).until('waiting')
    expect(refused.at(-1)).toMatchObject({ reason: expect.stringContaining('401') })
  })

  it('sends no token to another machine without TLS, unless it is told to', () => {
    const urls: string[] = []
    class Silent extends EventTarget {
      constructor(url: string) {
        super()
        urls.push(url)
      }
      close(): void {}
    }
    const options = { token, WebSocket: Silent as unknown as typeof WebSocket }
    const watch = (host: string, more = {}) => watchSessions(host, { ...options, ...more }).close()
    for (const host of ['h.example', '127.0.0.1.example', '[::2]', '10.0.0.1:1']) {
      expect(() => watch(`ws://${host}/`)).toThrow(UnprotectedTokenError)
      expect(() => watch(`ws://${host}/`, { plaintext: false })).toThrow(UnprotectedTokenError)
    }
    expect(urls).toEqual([])
    watch('ws://h.example/', { plaintext: true })
    for (const url of ['wss://h.example/', 'ws://LOCALHOST/', 'ws://127.1/', 'ws://[0::1]:1/']) {
      watch(url)
    }
    expect(urls).toHaveLength(5)
  })

  it('takes the WebSocket of the runtime, and says so where there is none', async () => {
    onTestFinished(() => void vi.unstubAllGlobals())
    vi.stubGlobal('WebSocket', undefined)
    expect(() => watchSessions('ws://127.0.0.1:1/')).toThrow(TypeError)
    vi.stubGlobal('WebSocket', WebSocket)
    const { port } = await startFeed()
    const watch = watchSessions(`ws://127.0.0.1:${port}/session-list`)
    onTestFinished(() => watch.close())
    for await (const { type } of watch) {
      if (type === 'open') {
        break
      }
    }
  })

  it('lets go of its connection when it is closed, and ends what is read later', async () => {
    const { server, port } = await startFeed()
    const { watch, until } = startWatch(port)
    await until('open')
    watch.close()
    await expect.poll(() => server.report().viewers).toBe(0)
    const late = watch[Symbol.asyncIterator]()
    expect((await late.next()).value).toMatchObject({ type: 'open' })
    expect((await late.next()).done).toBe(true)
  })

  it('waits for sessions of an earlier connection where there were some, and else not', async () => {
    const { sessions, port } = await startFeed()
    const { until, delays } = startWatch(port)
    await until('open')
    expect(delays).toEqual([])
    await sessions.open(args(1))
    await until('added')
    expect(delays).toEqual([])
  })

  it('lets go of its signal when it is closed', async () => {
    const { port } = await startFeed()
    const { signal } = new AbortController()
    const { watch } = startWatch(port, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    watch.close()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends when it is closed or aborted, with what waits to be read', async () => {
    const { port } = await startFeed()
    const stop = new AbortController()
    const { events, until, delays } = startWatch(port, { signal: stop.signal })
    await until('open')
    const next = events.next()
    stop.abort()
    expect(await next).toEqual({ value: undefined, done: true })
    expect(delays).toEqual([])
    const late = startWatch(port, { signal: stop.signal })
    expect((await late.events.next()).value).toEqual({ type: 'connecting' })
    expect((await late.events.next()).done).toBe(true)
  })

  it.each([
    ['no reset', ['add']],
    ['no message', ['reset\n1\n1', 'hello\n1\n2']],
  ])('takes another connection where the server sends %s first', async (_, messages) => {
    class Scripted extends EventTarget {
      constructor(_url: string) {
        super()
        queueMicrotask(() => {
          for (const data of messages) {
            this.dispatchEvent(Object.assign(new Event('message'), { data }))
          }
        })
      }
      send(): void {}
      close(): void {}
    }
    const { until } = startWatch(1, { WebSocket: Scripted as unknown as typeof WebSocket })
    const seen = await until('waiting')
    expect(seen.at(-1)).toMatchObject({
      reason: expect.stringContaining('a message that cannot be read'),
    })
  })
})
