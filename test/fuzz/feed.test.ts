import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { afterAll, expect } from 'vitest'
import { WebSocket } from 'ws'
import { type WebSocketLike, watchSessions } from '../../src/client/watch.js'
import { FeedHub } from '../../src/feed/hub.js'
import {
  FeedProtocolError,
  type ListedSession,
  type Notice,
} from '../../src/feed/protocol/messages.js'
import { decodeConnect, decodeNotice } from '../../src/feed/protocol/read.js'
import { encodeConnect } from '../../src/feed/protocol/write.js'
import { startFeedServer } from '../../src/feed/server.js'
import { encodeNotice, fakeViewer } from '../support/feed.js'
import { VIEWING } from '../support/feed-server.js'
import { pick, type Random } from '../support/mutate.js'
import { CALLER, sessionsAt } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateBytes, mutateLines } from './mutations.js'
import { sendRaw } from './raw-peer.js'

const profile = {
  name: 'N',
  registrationDate: '2030-01-01T00:00:00.000Z',
  isPatron: true,
  isMentor: false,
}
const user = { id: 'u', ...profile }
const listed: ListedSession = {
  ...{ id: 's', name: 'Name', host: profile, activeUsers: 1, joinedUsers: 2 },
  ...{ beginTime: '2030-01-01T00:00:00Z', users: [user, { ...user, id: 'v', name: '' }] },
}
const notices: Notice[] = [
  { command: 'reset', expectedVersion: '1.2.3' },
  { command: 'add', session: listed },
  { command: 'add', session: { ...listed, id: 't', users: [] } },
  { command: 'update', sessionId: 's', name: 'Other', activeUsers: 0, joinedUsers: 2147483647 },
  { command: 'remove', sessionId: 's' },
  { command: 'add_user', sessionId: 's', user },
  { command: 'remove_user', sessionId: 's', userId: 'u', userName: 'N' },
  { command: 'error', message: 'no' },
]

/** What `read` gives, or null where the text is no message. */
function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof FeedProtocolError) {
      return null
    }
    throw error
  }
}

/** A server that says what it is told to. */
class ScriptedSocket implements WebSocketLike {
  static last: ScriptedSocket
  private readonly listeners = new Map<string, (event: never) => void>()
  isClosed = false

  constructor(readonly url: string) {
    ScriptedSocket.last = this
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.listeners.set(type, listener)
  }

  say(data: unknown): void {
    this.listeners.get('message')?.({ data } as never)
  }

  send(): void {}

  close(): void {
    this.isClosed = true
  }
}

fuzz({
  name: 'feed-notice',
  seeds: (['commands', 'printed'] as const).flatMap((dialect) =>
    notices.map((notice) => encodeNotice(notice, -7, dialect)),
  ),
  mutate: mutateLines,
  reaches: ['notice', 'refused'],
  check(input) {
    const text = input.toString()
    let outcome = 'refused'
    for (const dialect of ['commands', 'printed'] as const) {
      for (const isFirst of [true, false]) {
        const received = orNull(() => decodeNotice(text, dialect, isFirst))
        if (received !== null && !(isFirst && dialect === 'printed')) {
          outcome = 'notice'
          const { notice, connectionId } = received
          const again = encodeNotice(notice, connectionId, dialect)
          const isReset = notice.command === 'reset'
          const reread = decodeNotice(again, dialect, isReset)
          expect(encodeNotice(reread.notice, reread.connectionId, dialect)).toBe(again)
          // Nothing but the user array, which comes last, has more than one part.
          const users = notice.command === 'add' ? again.lastIndexOf('\n') : again.length
          expect(again.slice(0, users)).not.toContain('\r')
        }
      }
    }
    checkWatch(text)
    return outcome
  },
})

/** Whoever follows is told of what was understood, and of a lost connection otherwise. */
function checkWatch(text: string): void {
  const ports = { random: () => 0, after: () => () => {} }
  const watch = watchSessions('ws://h/session-list', { WebSocket: ScriptedSocket }, ports)
  const socket = ScriptedSocket.last
  for (const notice of notices.slice(0, 2)) {
    socket.say(encodeNotice(notice, 1, 'commands'))
  }
  socket.say(text)
  const understood = orNull(() => decodeNotice(text, 'commands', false)) !== null
  expect(socket.isClosed).toBe(!understood)
  expect(watch.sessions.size).toBeLessThanOrEqual(2)
  for (const [id, session] of watch.sessions) {
    expect(session.id).toBe(id)
  }
  watch.close()
}

const { sessions, store } = sessionsAt()
const hub = new FeedHub(store, { maxSessions: 10, onError: (error) => expect.fail(`${error}`) })
await hub.load()

fuzz({
  name: 'feed-connect',
  seeds: [encodeConnect({ userId: 'u', userName: 'Ü', version: '1.2.3' }), 'connect\n\n\n'],
  mutate: mutateLines,
  reaches: ['connect', 'refused'],
  check(input) {
    const text = input.toString()
    const connect = orNull(() => decodeConnect(text))
    if (connect !== null) {
      const again = encodeConnect(connect)
      expect(encodeConnect(decodeConnect(again))).toBe(again)
    }
    const { socket, viewer, told } = fakeViewer(hub)
    socket.emit('message', input, false)
    socket.emit('message', input, true)
    expect(viewer.client).toEqual(connect)
    expect(told.malformed).toBe(connect === null ? 2 : 1)
    socket.emit('close')
    return connect === null ? 'refused' : 'connect'
  },
})

const server = await startFeedServer(hub, {
  ...{ host: '127.0.0.1', port: 0, access: { isPublic: false }, expectedVersion: '1.10.0' },
  pages: new Map([['/', { body: Buffer.from('page'), etag: '"a"', headers: {} }]]),
  isReady: async () => hub.isReady,
  viewing: VIEWING,
  onUsage: () => {},
  onFailure: (error) => expect.fail(`${error}`),
})
const port = Number(new URL(server.address).port)
const agent = new Agent({ keepAlive: true })
const onlooker = new WebSocket(`${server.address.replace('http', 'ws')}/session-list`)
await once(onlooker, 'message')
afterAll(async () => {
  onlooker.terminate()
  agent.destroy()
  await server.close()
  hub.close()
})

function probe(): Promise<void> {
  return new Promise((resolve, reject) =>
    get(`${server.address}/readyz`, { agent }, (response) =>
      response.resume().on('end', () => {
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))
      }),
    ).on('error', reject),
  )
}

function frame(opcode: number, payload: string): Buffer {
  const content = Buffer.from(payload)
  const mask = Buffer.of(1, 2, 3, 4)
  const masked = content.map((byte, i) => byte ^ (mask[i & 3] as number))
  return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | content.length), mask, masked])
}

const upgrade = (path: string, more = '') =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`,
  )
const opening = upgrade('/session-list?dialect=printed', 'Origin: http://localhost\r\n')
const text = frame(1, 'connect\nu\nU\n1.2.3')

let checks = 0

fuzz({
  name: 'feed-http',
  seeds: [
    Buffer.concat([upgrade('/session-list'), text, frame(8, '\x03\xe8bye')]),
    Buffer.concat([opening, frame(9, 'ping'), text, frame(10, ''), frame(2, 'x'), frame(0, 'y')]),
    Buffer.concat([
      upgrade('/session-list', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'),
      text,
    ]),
    Buffer.concat([upgrade('/session-list'), ...Array(9).fill(frame(1, 'x'))]),
    Buffer.from(
      'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n',
    ),
  ],
  mutate: (random: Random, originals) =>
    pick(random, [mutateBytes, mutateLines])(random, originals),
  reaches: ['101', '400', 'none'],
  leastRuns: 200,
  async check(input) {
    const answer = await sendRaw(port, input, probe)
    if (checks++ % 50 === 0) {
      // Those who watched before are still told.
      const userId = `onlooked ${checks}`
      const told = new Promise<void>((resolve) => {
        onlooker.on('message', (data) => String(data).includes(userId) && resolve())
      })
      const opened = await sessions.open({ userId, address: '', client: '' })
      await told
      onlooker.removeAllListeners('message')
      await sessions.delete(opened.id, {}, CALLER)
    }
    expect(onlooker.readyState).toBe(WebSocket.OPEN)
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer.toString('latin1'))?.[1]
    expect(status === undefined).toBe(answer.length === 0)
    expect(status).not.toBe('500')
    return status ?? 'none'
  },
})
