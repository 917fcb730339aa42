import { callHeaders, Flag, Frame, frame, HELLO } from '../../test/support/http2-frames.mjs'
import { wrongSignature } from './bad-request.js'
import { STRANGERS } from './strangers.js'

const CANCEL = Buffer.of(0, 0, 0, 8)
const CREATE = callHeaders('/session.Session/Create')
const BAD_REQUEST = wrongSignature()

/**
 * By name: to which `port` a connection goes (gRPC's where none is named), what it says at first, what it
 * says `next`, and how often a second; `connections` is how many are kept open. One that is cut is opened
 * again. `reads: false` takes no answers.
 */
export const ATTACKS = {
  'half-open': { connections: 500, hello: () => Buffer.from('PRI'), perSecond: 0 },
  '1 byte a second': {
    ...{ connections: 500, hello: () => HELLO, perSecond: 1 },
    next: () => Buffer.of(0),
  },
  '10,000 arriving': { connections: 10_000, hello: () => HELLO, perSecond: 0 },
  // By then all have been opened, and whoever was cut is coming back.
  '10,000 idle': { connections: 10_000, hello: () => HELLO, perSecond: 0, aheadSeconds: 6 },
  pings: flood(repeated(frame(Frame.PING, 0, 0, Buffer.alloc(8)), 100)),
  settings: flood(repeated(frame(Frame.SETTINGS, 0, 0), 100)),
  resets: flood((ids) =>
    calls(ids, 20, (id) => [
      frame(Frame.HEADERS, Flag.END_HEADERS, id, CREATE),
      frame(Frame.RST_STREAM, 0, id, CANCEL),
    ]),
  ),
  'bad signatures': flood((ids) =>
    calls(ids, 5, (id) => [
      frame(Frame.HEADERS, Flag.END_HEADERS, id, CREATE),
      frame(Frame.DATA, Flag.END_STREAM, id, BAD_REQUEST),
    ]),
  ),
  ...STRANGERS,
}

/** Four connections, each with so many writes a second. */
function flood(next) {
  return { connections: 4, hello: () => HELLO, next, perSecond: 50 }
}

function repeated(bytes, count) {
  const all = Buffer.concat(Array(count).fill(bytes))
  return () => all
}

/** `count` streams in one write; `ids.last` is the connection's. */
function calls(ids, count, frames) {
  return Buffer.concat(
    Array.from({ length: count }, () => {
      ids.last += 2
      return Buffer.concat(frames(ids.last))
    }),
  )
}
