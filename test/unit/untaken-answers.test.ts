import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Unsent } from '../../src/net/unsent.js'
import { startSenecaHttp } from '../../src/seneca/http.js'
import { startSenecaTcp } from '../../src/seneca/tcp.js'
import { newAuthority } from '../support/certificates.js'
import { startFeed } from '../support/feed-server.js'
import { startTestGrpc } from '../support/grpc.js'
import { callHeaders, emptyCall, Frame, frame, HELLO } from '../support/http2-frames.mjs'
import { actLine, hooks, memorySessions } from '../support/seneca.js'
import { sessionsAt } from '../support/sessions.js'
import { fixedTls } from '../support/tls.js'

const MIB = 1024 * 1024
const HOUR_MS = 60 * 60 * 1000
/** More than the system's buffers take of one answer. */
const LARGE = 'x'.repeat(16 * MIB)

/** Counts what waits for all listeners; `lookMs` passes between two looks. What it cuts, as it comes. */
function account(maxAddressBytes: number, lookMs = 0) {
  let nowMs = 0
  let tell = (_: string) => {}
  const cut = new Promise<string>((resolve) => {
    tell = resolve
  })
  const unsent = new Unsent(
    (limit, address) => tell(`${limit} ${address}`),
    { maxAddressBytes, maxBytes: maxAddressBytes },
    () => {
      nowMs += lookMs
      return nowMs
    },
  )
  onTestFinished(unsent.start())
  return { unsent, cut }
}

/** A server with one large answer to give, by the same name on every wire. Returns its port. */
type Serve = (unsent: Unsent) => Promise<number>

const portOf = (address: string) => Number(address.split(':').at(-1))

const serveGrpc: Serve = async (unsent) => {
  const server = await startTestGrpc({}, {}, () => {}, undefined, unsent)
  onTestFinished(async () => void (await server.close(0)))
  return portOf(server.address)
}

const serveSeneca =
  (start: typeof startSenecaTcp | typeof startSenecaHttp): Serve =>
  async (unsent) => {
    const { sessions } = memorySessions({ maxDataBytes: 2 * LARGE.length })
    const at = { address: 'a', client: 'c' }
    const data = JSON.stringify(LARGE)
    await sessions.open({ userId: 'u', userName: '', ...at, user: null, data })
    const listener = await start('127.0.0.1', 0, sessions, { ...hooks(), unsent })
    onTestFinished(async () => void (await listener.close(0)))
    return portOf(listener.address)
  }

const serveHttp =
  (isTls = false): Serve =>
  async (unsent) => {
    const at = sessionsAt({ maxDataBytes: 2 * LARGE.length })
    const data = JSON.stringify({ session_name: LARGE })
    const place = { address: 'a', client: 'c' }
    await at.sessions.open({ userId: 'u', userName: '', ...place, user: null, data })
    const options = {
      ...(isTls && { tls: fixedTls(newAuthority().issue()) }),
      pages: new Map([['/', { body: Buffer.from(LARGE), etag: '"a"', headers: {} }]]),
      unsent,
    }
    const { port } = await startFeed(options, { at, graceMs: 0 })
    return port
  }

const LIST = { role: 'sessions', cmd: 'get_sessions', filter: { user_id: 'u' } }
const listBody = JSON.stringify(LIST)

const http = (...lines: readonly string[]) =>
  `${[...lines, 'Host: localhost'].join('\r\n')}\r\n\r\n`

const ZERO_WINDOW = frame(Frame.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
const CALLS = Array.from({ length: 100 }, (_, i) =>
  emptyCall(1 + 2 * i, callHeaders('/grpc.health.v1.Health/Check')),
)

const WIRES: readonly (readonly [string, Serve, string | Buffer])[] = [
  [
    'gRPC, small ones in a window of no bytes',
    serveGrpc,
    Buffer.concat([HELLO, ZERO_WINDOW, ...CALLS]),
  ],
  ['Seneca over TCP', serveSeneca(startSenecaTcp), actLine(LIST)],
  [
    'Seneca over HTTP',
    serveSeneca(startSenecaHttp),
    `${http('POST /act HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${listBody.length}`)}${listBody}`,
  ],
  ['HTTP', serveHttp(), http('GET / HTTP/1.1')],
  ['HTTPS', serveHttp(true), http('GET / HTTP/1.1')],
  [
    'HTTP, small ones to requests sent ahead',
    serveHttp(),
    // The first one is in the way of all others.
    http('GET / HTTP/1.1') + http('GET /healthz HTTP/1.1').repeat(200),
  ],
  [
    'the session list',
    serveHttp(),
    http(
      ...['GET /session-list HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'],
      ...['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${'A'.repeat(22)}==`],
    ),
  ],
]

/** Asks, and takes nothing of what comes. */
function ask(wire: string, port: number, bytes: string | Buffer): Socket {
  const at = { host: '127.0.0.1', port }
  const socket = wire === 'HTTPS' ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at)
  socket.on('error', () => {}).pause()
  socket.write(bytes)
  onTestFinished(() => void socket.destroy())
  return socket
}

describe('a connection that leaves more than may wait is cut:', () => {
  it.each(WIRES)('%s', async (wire, serve, bytes) => {
    const { unsent, cut } = account(MIB / 4)
    ask(wire, await serve(unsent), bytes)
    expect(await cut).toBe('answer-bytes 127.0.0.1')
  })
})

describe('a connection that takes nothing for an hour is cut, however little waits:', () => {
  it.each(WIRES.filter(([, serve]) => serve !== serveGrpc))('%s', async (wire, serve, bytes) => {
    const { unsent, cut } = account(Number.POSITIVE_INFINITY, HOUR_MS)
    ask(wire, await serve(unsent), bytes)
    expect(await cut).toBe('answer-timeout 127.0.0.1')
  })
})

it('a call over gRPC that takes nothing of its answer for an hour is cut', async () => {
  let nowMs = 0
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    nowMs += HOUR_MS
    return nowMs
  })
  onTestFinished(() => clock.mockRestore())
  let tell = (_: string) => {}
  const cut = new Promise<string>((resolve) => {
    tell = resolve
  })
  const limits = { headerTimeoutMs: Number.POSITIVE_INFINITY }
  const server = await startTestGrpc({}, limits, (limit, address) => tell(`${limit} ${address}`))
  onTestFinished(async () => void (await server.close(0)))
  ask('gRPC', portOf(server.address), Buffer.concat([HELLO, ZERO_WINDOW, ...CALLS.slice(0, 1)]))
  expect(await cut).toBe('answer-timeout 127.0.0.1')
})
