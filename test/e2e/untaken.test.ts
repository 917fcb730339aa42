import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import { callHeaders, emptyCall, Frame, frame, HELLO } from '../support/http2-frames.mjs'
import { startServer, temporaryDirectory } from '../support/process.js'
import { actLine, connectPeer } from '../support/seneca.js'

/** From where strangers come; the good caller comes from 127.0.0.1. */
const STRANGER = '127.0.0.2'
/** Where all answers are kept, a process with this much heap ends. */
const HEAP_MB = 320
const MAX_MEMORY_MB = 700
/** As many as there may be at once. */
const CALLS = 256

const ZERO_WINDOW = frame(Frame.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
const CHECK = callHeaders('/grpc.health.v1.Health/Check')

/** How strangers ask, by the listener that they ask: on so many connections, each for far more than may wait. */
const ATTACKS = {
  grpc: {
    connections: 100,
    bytes: Buffer.concat([
      ...[HELLO, ZERO_WINDOW],
      ...Array.from({ length: CALLS }, (_, i) => emptyCall(1 + 2 * i, CHECK)),
    ]),
  },
  seneca: {
    connections: 30,
    bytes: actLine({ role: 'sessions', cmd: 'get_sessions', user_id: 'big' }).repeat(100),
  },
  http: {
    connections: 30,
    bytes: 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000),
  },
}

/** Viewers of the session list who read nothing: each has the list, and then waits for what changes. */
const VIEWERS = 20
const ALL_DROPPED = `sessiond_feed_dropped_total{reason="it does not keep up"} ${VIEWERS}\n`
const WATCH =
  'GET /session-list HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`

/** Asks, and takes nothing of what comes. */
function ask(address: string, bytes: string | Buffer): Socket {
  const port = Number(address.split(':').at(-1))
  const socket = connect({ host: '127.0.0.1', port, localAddress: STRANGER })
  socket.on('error', () => {}).pause()
  socket.write(bytes)
  onTestFinished(() => void socket.destroy())
  return socket
}

it('strangers who take no answers are cut, while others are served, and memory stays bounded', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  const server = await startServer({
    dataDir,
    args: ['--seneca', 'tcp://127.0.0.1:0'],
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
  })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  const { grpc, http } = server.ready
  const seneca = server.ready.seneca[0] ?? ''

  const good = createClient(grpc)
  onTestFinished(() => good.close())
  const peer = await connectPeer({ address: seneca })
  onTestFinished(() => void peer.socket.destroy())
  const open = (i: number) =>
    peer.send(
      actLine({
        ...{ role: 'sessions', cmd: 'open_session', user_id: 'big', address: `${i}`, client: 'c' },
        data: { session_name: `${i}`.padEnd(30_000, 'x') },
      }),
    )
  for (let i = 0; i < 100; i++) {
    open(i)
    await peer.answer()
  }

  for (const [address, { connections, bytes }] of [
    [grpc, ATTACKS.grpc],
    [seneca, ATTACKS.seneca],
    [http, ATTACKS.http],
  ] as const) {
    for (let i = 0; i < connections; i++) {
      ask(address, bytes)
    }
    const line = await server.event('limited', { limit: 'answer-bytes' })
    expect(line).toMatchObject({ peer: STRANGER })
    await good.create(createRequest())
    peer.send(actLine({ role: 'sessions', cmd: 'get_sessions', filter: { user_id: 'big' } }))
    expect(await peer.answer()).toHaveProperty('res')
  }
  for (let i = 0; i < VIEWERS; i++) {
    ask(http, WATCH)
  }
  const metrics = async () => (await fetch(`${http}/metrics`)).text()
  await expect.poll(metrics).toContain(`sessiond_feed_viewers ${VIEWERS}\n`)
  // What a viewer does not take is first the system's to keep.
  for (let i = 100; !(await metrics()).includes(ALL_DROPPED); i++) {
    open(i)
    expect(await peer.answer()).toHaveProperty('res')
    await good.create(createRequest())
  }
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8')
  const [, peakKb] = /VmHWM:\s+(\d+)/.exec(status) ?? []
  expect(Number(peakKb) / 1024).toBeLessThan(MAX_MEMORY_MB)
  expect(await metrics()).toMatch(/sessiond_limited_total\{limit="answer-bytes"\} [1-9]/)
  expect(await server.stop()).toMatchObject({ stderr: '' })
})
