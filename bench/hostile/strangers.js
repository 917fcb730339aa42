import { randomUUID } from 'node:crypto'
import {
  callHeaders,
  Flag,
  Frame,
  frame,
  grpcMessage,
  HELLO,
  LAST_INDEXED,
  literalHeader,
  PREFACE,
} from '../../test/support/http2-frames.mjs'
import { actLines } from '../lib/acts.js'
import { unsignedRecords } from './bad-request.js'

const INITIAL_WINDOW_SIZE = 4
const HEALTH = callHeaders('/grpc.health.v1.Health/Check')
const CREATE = callHeaders('/session.Session/Create')
const NO_MESSAGE = grpcMessage(Buffer.alloc(0))
const RECORDS = unsignedRecords()
/** Of one user, which is what a user may have. */
const SESSIONS_AT_QUOTA = 1000

/** What strangers did to a server that answered whatever came. Each has the form of an attack. */
export const STRANGERS = {
  'untaken gRPC answers': {
    ...{ connections: 60, perSecond: 0 },
    hello: () => Buffer.concat([PREFACE, windowOfZero(), ...healthChecks(256)]),
  },
  'untaken Seneca answers': {
    ...{ connections: 8, port: 'seneca', reads: false, perSecond: 0 },
    hello: () => lines(200, () => ({ cmd: 'get_sessions', filter: {}, paging: { take: 100 } })),
  },
  'untaken pages': {
    ...{ connections: 60, port: 'http', reads: false, perSecond: 0 },
    hello: () => Buffer.from(get('/').repeat(1000)),
  },
  'headers that grpc-js logs': {
    ...{ connections: 2, perSecond: 20 },
    hello: () => HELLO,
    next: (ids) => {
      const isFirst = ids.last < 0
      ids.last += 2
      const entry = isFirst ? literalHeader('x', '\xe9'.repeat(3900), true) : LAST_INDEXED
      const headers = Buffer.concat([HEALTH, entry, ...Array(13).fill(LAST_INDEXED)])
      return call(ids.last, headers, NO_MESSAGE)
    },
  },
  'refusals at the quota': {
    ...{ connections: 1, port: 'seneca', perSecond: 10 },
    hello: () => lines(SESSIONS_AT_QUOTA, atQuota),
    next: () => lines(4, atQuota),
  },
  'counts and pages far out': {
    ...{ connections: 4, port: 'seneca', perSecond: 3 },
    hello: () => Buffer.alloc(0),
    next: () =>
      lines(4, (i) => ({
        cmd: 'get_sessions',
        filter: {},
        paging: { skip: 1e9, total: i % 2 > 0 },
      })),
  },
  'metrics without end': {
    ...{ connections: 4, port: 'http', perSecond: 3 },
    hello: () => Buffer.alloc(0),
    next: () => Buffer.from(get('/metrics').repeat(50)),
  },
  'records before proof': {
    ...{ connections: 2, perSecond: 10 },
    hello: () => HELLO,
    next: (ids) => {
      ids.last += 2
      return call(ids.last, CREATE, RECORDS)
    },
  },
  'silent viewers': { ...{ connections: 100, port: 'http', perSecond: 0 }, hello: watch },
  'viewers that do not read': {
    ...{ connections: 50, port: 'http', reads: false, perSecond: 0 },
    hello: watch,
  },
}

function watch() {
  return Buffer.from(
    get('/session-list', {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    }),
  )
}

function windowOfZero() {
  return frame(Frame.SETTINGS, 0, 0, Buffer.of(0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0))
}

function healthChecks(count) {
  return Array.from({ length: count }, (_, i) => call(2 * i + 1, HEALTH, NO_MESSAGE))
}

/** A unary call; the message may be longer than a frame. */
function call(streamId, headers, message) {
  const frames = [frame(Frame.HEADERS, Flag.END_HEADERS, streamId, headers)]
  for (let at = 0; at < message.length; at += 16_384) {
    const part = message.subarray(at, at + 16_384)
    const isLast = at + part.length === message.length
    frames.push(frame(Frame.DATA, isLast ? Flag.END_STREAM : 0, streamId, part))
  }
  return Buffer.concat(frames)
}

function get(path, headers = {}) {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more.join('')}\r\n`
}

function lines(count, actAt) {
  const source = actLines(actAt)
  return Buffer.concat(Array.from({ length: count }, () => source.next().value))
}

function atQuota() {
  return {
    ...{ cmd: 'open_session', user_id: 'at the quota', address: randomUUID(), client: 'stranger' },
    data: 'x'.repeat(1000),
  }
}
