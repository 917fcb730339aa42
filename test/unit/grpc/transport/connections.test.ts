import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../../src/grpc/transport/connection.js'
import { Connections } from '../../../../src/grpc/transport/connections.js'
import { Unsent } from '../../../../src/net/unsent.js'

const HEADER_TIMEOUT_MS = 1_000
/** What a peer may waste at once. */
const BURST = 2 * 1024 * 1024
/** How long a peer that wasted more is kept out. */
const BARRED_MS = 10_000

/** Connections of one peer, at most three, on a clock that is set by hand. */
function connectionsAt(
  maxConnections = 3,
  maxUnsentBytes = Number.POSITIVE_INFINITY,
  { address = '10.0.0.1', maxBytes = Number.POSITIVE_INFINITY } = {},
) {
  const time = { nowMs: 0 }
  const limited: string[] = []
  const limits = { maxMessageBytes: 1_000, peerCallsPerSecond: 0, peerFailuresPerSecond: 0 }
  const unsent = new Unsent((limit) => limited.push(limit), {
    maxAddressBytes: maxUnsentBytes,
    maxBytes,
  })
  const connections = new Connections(
    { ...limits, maxConnections, headerTimeoutMs: HEADER_TIMEOUT_MS },
    (limit) => limited.push(limit),
    () => time.nowMs,
    unsent,
  )
  let ports = 0
  const open = (port = ++ports) => {
    const socket = {
      bytesRead: 0,
      isCut: false,
      destroy() {
        this.isCut = true
        return this as never
      },
    }
    const isTaken = connections.accept(socket, address, port)
    const connection = connections.of(`${address}:${port}`) as Connection
    const request = () => {
      const stream = {
        readableEnded: false,
        writableEnded: false,
        writableLength: 0,
        headersSent: false,
        respond: () => {},
        close: (code: number) => void code,
        on: () => stream,
      }
      connections.streamOpened(connection, stream as never, true)
      return stream
    }
    return {
      isTaken,
      socket,
      connection,
      request,
      close: () => connections.closed(socket, address, port),
    }
  }
  return { time, limited, connections, unsent, open }
}

describe('connections', () => {
  it('let the one give way that never made a request, then the one idle longest', () => {
    const { connections, open, limited } = connectionsAt()
    const [first, second, unused] = [open(), open(), open()]
    first.request()
    second.request()
    connections.callBegan(first.connection)
    connections.callEnded(first.connection)
    const fourth = open()
    fourth.request()
    expect(unused.socket.isCut).toBe(true)
    unused.close()
    const fifth = open()
    expect([first, second, fourth].map(({ socket }) => socket.isCut)).toEqual([false, true, false])
    expect([fourth.isTaken, fifth.isTaken]).toEqual([true, true])
    expect(limited).toEqual(['connections', 'connections'])
  })

  it('refuse a new one where all have calls under way', () => {
    const { connections, open } = connectionsAt(1)
    const busy = open()
    busy.request()
    connections.callBegan(busy.connection)
    connections.callBegan(busy.connection)
    expect(open().isTaken).toBe(false)
    connections.callEnded(busy.connection)
    expect(open().isTaken).toBe(false)
    connections.callEnded(busy.connection)
    expect(open().isTaken).toBe(true)
    expect(busy.socket.isCut).toBe(true)
  })

  it('make no room by one that is gone, nor keep it', () => {
    const { connections, open } = connectionsAt(1)
    open().close()
    const gone = open()
    gone.request()
    connections.callBegan(gone.connection)
    gone.close()
    connections.callEnded(gone.connection)
    const next = open()
    next.request()
    connections.callBegan(next.connection)
    expect(open().isTaken).toBe(false)
    expect(connections.size).toBe(1)
  })

  it('count none that was told to end, though a call of its own ends later', () => {
    const { connections, open, time, limited } = connectionsAt(1)
    const ended = open()
    ended.request()
    connections.callBegan(ended.connection)
    ended.socket.bytesRead = 2 * BURST
    connections.enforce()
    connections.callEnded(ended.connection)
    time.nowMs = BARRED_MS
    const next = open()
    next.request()
    connections.callBegan(next.connection)
    expect([next.isTaken, open().isTaken]).toEqual([true, false])
    expect(limited).toEqual(['flood', 'connections'])
  })

  it('are told to end, and cut where they have not done so by the next round', () => {
    const { connections, open, time } = connectionsAt()
    const { connection, socket } = open()
    let told = 0
    connection.session = { destroy: () => void told++ }
    time.nowMs = HEADER_TIMEOUT_MS
    connections.enforce()
    expect([told, socket.isCut]).toEqual([1, false])
    connections.enforce()
    expect([told, socket.isCut]).toEqual([1, true])
  })

  it('that came no further than TCP or TLS are cut alone where asked', () => {
    const { connections, open } = connectionsAt()
    const [unopened, opened] = [open(), open()]
    opened.connection.session = { destroy() {} }
    connections.cutUnopened()
    expect([unopened, opened].map(({ socket }) => socket.isCut)).toEqual([true, false])
  })

  it('are not taken for the one that had the port before', () => {
    const { connections, open } = connectionsAt()
    const before = open(7)
    const after = open(7)
    before.close()
    expect(connections.of('10.0.0.1:7')).toBe(after.connection)
    after.close()
    expect(connections.size).toBe(0)
  })

  it('end where a later one comes from their port, as to another address of the server, and count no more', () => {
    const { connections, open, time, limited } = connectionsAt()
    const [before, after] = [open(7), open(7)]
    expect([before, after].map(({ socket }) => socket.isCut)).toEqual([true, false])
    time.nowMs = HEADER_TIMEOUT_MS
    connections.enforce()
    expect(limited).toEqual(['header-timeout'])
    before.close()
    after.close()
    expect(connections.size).toBe(0)
  })

  it('end where no request comes in time', () => {
    const { connections, open, time, limited } = connectionsAt()
    const [silent, asking] = [open(), open()]
    asking.request().readableEnded = true
    time.nowMs = HEADER_TIMEOUT_MS - 1
    connections.enforce()
    expect(silent.socket.isCut).toBe(false)
    time.nowMs = HEADER_TIMEOUT_MS
    connections.enforce()
    expect([silent, asking].map(({ socket }) => socket.isCut)).toEqual([true, false])
    expect(limited).toEqual(['header-timeout'])
  })

  it('end a request that does not arrive in time, and not one that did', () => {
    const { connections, open, time, limited } = connectionsAt()
    const { request, connection, socket } = open()
    const [whole, half] = [request(), request()]
    whole.readableEnded = true
    const ends: unknown[] = []
    half.respond = (headers?: object) => void ends.push(headers)
    half.close = whole.close = (code) => void ends.push(code)
    time.nowMs = HEADER_TIMEOUT_MS
    connections.enforce()
    expect(ends).toEqual([expect.objectContaining({ 'grpc-status': 8 }), 0]) // NO_ERROR
    expect(connection.streams.size).toBe(1)
    expect(socket.isCut).toBe(false)
    expect(limited).toEqual(['header-timeout'])
  })

  it('end an answer that is not taken in time, and not one of which some is taken', () => {
    const { connections, open, time, limited } = connectionsAt()
    const { request, socket } = open()
    const [stuck, slow, waiting] = [request(), request(), request()]
    const closed: string[] = []
    for (const [name, stream] of Object.entries({ stuck, slow, waiting })) {
      stream.readableEnded = true
      stream.close = () => void closed.push(name)
    }
    stuck.writableLength = 10
    slow.writableLength = 10
    for (const nowMs of [0, 40_000, 80_000]) {
      time.nowMs = nowMs
      slow.writableLength--
      connections.enforce()
    }
    expect(closed).toEqual(['stuck'])
    expect(socket.isCut).toBe(false)
    expect(limited).toEqual(['answer-timeout'])
  })

  it('of a peer that leaves too many answers are cut until the rest fits, and no new one is taken for a while', () => {
    const { connections, unsent, open, time, limited } = connectionsAt(3, 25_000)
    const [one, other] = [open(), open()]
    for (const { request } of [one, other, other]) {
      request().writableEnded = true
    }
    connections.enforce()
    unsent.enforce()
    expect([one.socket.isCut, other.socket.isCut]).toEqual([false, true])
    expect(open().isTaken).toBe(false)
    time.nowMs += BARRED_MS
    expect(open().isTaken).toBe(true)
    expect(limited).toEqual(['answer-bytes', 'barred'])
  })

  it.each<[string, number, object]>([
    ['all together leave too many', Number.POSITIVE_INFINITY, { maxBytes: 5_000 }],
    ...['unix', '127.0.0.1', '::ffff:127.0.0.1', '::1'].map(
      (address) =>
        [`programs of this machine share: ${address}`, 5_000, { address }] satisfies [
          string,
          number,
          object,
        ],
    ),
  ])('are cut alone where %s', (_, maxAddressBytes, more) => {
    const { connections, unsent, open, limited } = connectionsAt(3, maxAddressBytes, more)
    const { socket, request } = open()
    request().writableEnded = true
    connections.enforce()
    unsent.enforce()
    expect([socket.isCut, open().isTaken]).toEqual([true, true])
    expect(limited).toEqual(['answer-bytes'])
  })

  it('of a peer that sends bytes for no call are all cut, and none is taken', () => {
    const { connections, open, limited } = connectionsAt()
    const [flooding, other] = [open(), open()]
    flooding.socket.bytesRead = BURST
    connections.enforce()
    expect(flooding.socket.isCut).toBe(false)
    flooding.socket.bytesRead = BURST + 1
    connections.enforce()
    expect([flooding.socket.isCut, other.socket.isCut]).toEqual([true, true])
    expect(open().isTaken).toBe(false)
    connections.enforce()
    expect(limited).toEqual(['flood', 'barred'])
  })

  it('answer no half-sent request of one that the same round cuts as flooding', () => {
    const { connections, open, time, limited } = connectionsAt()
    const { connection, socket, request } = open()
    const half = request()
    connection.session = {
      destroy() {
        half.respond = () => {
          throw new Error('ERR_HTTP2_INVALID_STREAM')
        }
      },
    }
    time.nowMs = HEADER_TIMEOUT_MS
    socket.bytesRead = BURST + 1
    connections.enforce()
    expect(limited).toEqual(['flood'])
  })

  it('count what came before the end of one that is gone at the next round', () => {
    const { open, limited } = connectionsAt()
    const { socket, close } = open()
    socket.bytesRead = BURST + 1
    close()
    expect(limited).toEqual(['flood'])
  })

  it('may carry any number of bytes that are messages of calls', () => {
    const { connections, open, limited } = connectionsAt()
    const { connection, request, socket } = open()
    for (let call = 0; call < 100; call++) {
      request()
      socket.bytesRead += 100_500
      if (call % 2 === 0) {
        connections.enforce()
      }
      connection.countCall(100_000)
    }
    expect(limited).toEqual([])
  })

  it('save nothing up for a flood by calls smaller than allowed', () => {
    const { connections, open, limited } = connectionsAt()
    const { connection, request, socket } = open()
    for (let call = 0; call < 100; call++) {
      request()
      connection.countCall(0)
      connections.enforce()
    }
    socket.bytesRead += BURST + 1
    connections.enforce()
    expect(limited).toEqual(['flood'])
  })

  it('of a peer that opens streams without calling are cut', () => {
    const { open, limited } = connectionsAt()
    const { request } = open()
    for (let stream = 0; stream < BURST / 1024; stream++) {
      request()
    }
    expect(limited).toEqual([])
    request()
    expect(limited).toEqual(['flood'])
  })
})
