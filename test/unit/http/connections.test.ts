import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { boundConnections, countAnswers } from '../../../src/http/connections.js'
import type { Unsent } from '../../../src/net/unsent.js'

let ports = 0

class FakeSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1'
  destroyed = false

  constructor(readonly remotePort = ++ports) {
    super()
  }

  /** Its end is told later, as Node does. */
  destroy(): void {
    this.destroyed = true
  }

  close(): void {
    this.destroyed = true
    this.emit('close')
  }
}

/** A server that no network is behind, bound to so many connections. */
function setUp(max: number) {
  const server = new EventEmitter()
  const limited: number[] = []
  const open = boundConnections(server as unknown as Server, max, () => limited.push(open.size))
  const connect = (port?: number) => {
    const socket = new FakeSocket(port)
    server.emit('connection', socket)
    return socket
  }
  /** Begins a request, and returns what ends it. */
  const request = (socket: FakeSocket) => {
    const response = new EventEmitter()
    server.emit('request', { socket }, response)
    return () => void response.emit('close')
  }
  return { server, open, limited, connect, request }
}

describe('connections at their bound', () => {
  it('give way to a new one, the one that has waited longest first', () => {
    const { open, limited, connect } = setUp(2)
    const sockets = [connect(), connect(), connect()]
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false])
    expect(limited).toHaveLength(1)
    sockets.push(connect())
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false])
    for (const socket of sockets.slice(0, 2)) {
      socket.close()
    }
    expect([...open]).toEqual(sockets.slice(2))
  })

  it('have room again where one has ended by itself, which gives way no more', () => {
    const { open, limited, connect } = setUp(2)
    const [first, second] = [connect(), connect()]
    first.close()
    const third = connect()
    expect(limited).toEqual([])
    expect([...open]).toEqual([second, third])
    connect()
    expect(second.destroyed).toBe(true)
  })

  it('do not give way while they have a request under way', () => {
    const { connect, request } = setUp(1)
    const busy = connect()
    const end = request(busy)
    expect(connect().destroyed).toBe(true)
    expect(busy.destroyed).toBe(false)
    end()
    expect(connect().destroyed).toBe(false)
    expect(busy.destroyed).toBe(true)
  })

  it('wait from the end of their last request on', () => {
    const { connect, request } = setUp(2)
    const [first, second] = [connect(), connect()]
    request(first)()
    connect()
    expect([first, second].map(({ destroyed }) => destroyed)).toEqual([false, true])
  })

  it('do not wait any more where they ended during a request', () => {
    const { connect, request, open } = setUp(1)
    const gone = connect()
    const end = request(gone)
    gone.close()
    end()
    const next = connect()
    request(next)
    // Nothing waits: the one that is gone gives no room.
    expect(connect().destroyed).toBe(true)
    expect([...open]).toEqual([next])
  })

  it('never give way once they are those of viewers', () => {
    const { server, connect } = setUp(1)
    const viewer = connect()
    server.emit('upgrade', { socket: viewer })
    expect(connect().destroyed).toBe(true)
    expect(viewer.destroyed).toBe(false)
  })

  it('are told apart although an address came again before its last connection had ended', () => {
    const { connect } = setUp(2)
    const first = connect()
    const again = connect(first.remotePort)
    first.emit('close')
    connect()
    connect()
    expect(again.destroyed).toBe(true)
  })
})

describe('the account of answers', () => {
  /** What it says waits on one connection. */
  function setUpAccount() {
    const server = new EventEmitter()
    const counts: (() => number)[] = []
    const unsent = { count: (_: Socket, count: () => number) => counts.push(count) }
    countAnswers(server as unknown as Server, unsent as unknown as Unsent)
    const socket = new FakeSocket()
    server.emit('connection', socket)
    const answer = (facts: object) => {
      const response = Object.assign(new EventEmitter(), { writableLength: 0, socket: {} }, facts)
      server.emit('request', { socket }, response)
      return response
    }
    return { answer, waiting: () => counts[0]?.() }
  }

  it('counts an answer that waits for others with its bytes, and one that is being sent without', () => {
    const { answer, waiting } = setUpAccount()
    expect(waiting()).toBe(0)
    const queued = answer({ socket: null, writableLength: 1000 })
    expect(waiting()).toBe(8192 + 1000)
    const sent = answer({ writableEnded: true, writableLength: 1000 })
    expect(waiting()).toBe(8192 + 1000 + 8192)
    answer({ writableEnded: false })
    expect(waiting()).toBe(8192 + 1000 + 8192)
    queued.emit('close')
    sent.emit('close')
    expect(waiting()).toBe(0)
  })
})
