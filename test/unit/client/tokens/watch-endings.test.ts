import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { expect, it, onTestFinished, vi } from 'vitest'
import {
  ConnectionClosedError,
  connect,
  RefusedError,
  ServerUnavailableError,
  TokensClient,
  UntrustedResponseError,
  type WatchEndingsEvent,
} from '../../../../src/client/index.js'
import { watchStream } from '../../../../src/client/tokens/watch-endings.js'
import type { After } from '../../../../src/net/timers.js'
import { newOwner } from '../../../support/create.js'
import { startWatchServer } from '../../../support/watch-server.js'

const identity = newOwner()
const ending = (id: string = randomUUID()) => ({
  ...{ id, endTimeMs: 5, reason: 'revoked', exp: 2n ** 40n },
})

async function watching(after?: After) {
  const server = await startWatchServer(identity, onTestFinished)
  const connection = connect(server.address, { serverKeys: [identity.publicKey] })
  const stop = new AbortController()
  onTestFinished(() => {
    stop.abort()
    connection.close()
  })
  const { signal } = stop
  const service = newOwner()
  const events =
    after === undefined
      ? new TokensClient(connection, service).watch({ signal })
      : watchStream(connection, service, { signal }, after)
  /** The next event, once the one before was taken. */
  const next = async () => (await events.next()).value as WatchEndingsEvent
  return { server, connection, next, stop, events }
}

it('tells what ended before, then each ending as it comes, and heartbeats', async () => {
  const { server, next } = await watching()
  const first = next()
  const stream = await server.next()
  expect(stream.cursor).toHaveLength(0)
  const [before, then] = [ending(), ending()]
  stream.send(stream.says.message([before], { isFull: true, isLast: true, timeMs: 9 }))
  expect(await first).toEqual({
    ...{ type: 'endings', endings: [before], isFull: true, verifiedAtMs: 9 },
  })
  stream.send(stream.says.message([then], { timeMs: 10 }))
  expect(await next()).toMatchObject({ endings: [then], isFull: false, verifiedAtMs: 10 })
  stream.send(stream.says.message([], { timeMs: 11 }))
  expect(await next()).toMatchObject({ endings: [], verifiedAtMs: 11 })
})

it('goes on from its cursor when the stream has ended', async () => {
  const { server, next } = await watching()
  const first = next()
  const stream = await server.next()
  const cursor = Buffer.from('here')
  stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: 9, cursor }))
  await first
  stream.end()
  expect(await next()).toMatchObject({ type: 'waiting', error: { message: /ended the stream/ } })
  const again = next()
  const second = await server.next()
  expect(Buffer.from(second.cursor)).toEqual(cursor)
  second.send(second.says.message([], { isLast: true, timeMs: 12 }))
  expect(await again).toMatchObject({ type: 'endings', isFull: false, verifiedAtMs: 12 })
})

it('waits longer each time while streams end with their first message, and begins anew with one that goes on', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(1)
  onTestFinished(() => random.mockRestore())
  const { server, next } = await watching()
  const delays: unknown[] = []
  for (const messages of [1, 1, 2, 1]) {
    const first = next()
    const stream = await server.next()
    stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: 9 }))
    await first
    for (let i = 1; i < messages; i++) {
      stream.send(stream.says.message([], { timeMs: 10 }))
      await next()
    }
    stream.end()
    const waiting = await next()
    delays.push('retryDelayMs' in waiting && waiting.retryDelayMs)
  }
  expect(delays).toEqual([100, 200, 100, 200])
})

it.each<
  [
    string,
    (stream: Awaited<ReturnType<Awaited<ReturnType<typeof startWatchServer>>['next']>>) => void,
    unknown,
  ]
>([
  ['refused', (stream) => stream.fail(status.PERMISSION_DENIED), RefusedError],
  ['cut off', (stream) => stream.fail(status.UNAVAILABLE), ServerUnavailableError],
  [
    'signed by another',
    (stream) => {
      stream.says.signer = newOwner()
      stream.send(stream.says.message([], { isLast: true }))
    },
    UntrustedResponseError,
  ],
  [
    'without one of its messages',
    (stream) => {
      stream.says.message([ending()])
      stream.send(stream.says.message([ending()], { isLast: true }))
    },
    UntrustedResponseError,
  ],
  ['no protobuf', (stream) => stream.send(Buffer.from('what')), UntrustedResponseError],
])('says so and begins again after a stream that is %s', async (_, spoil, kind) => {
  const { server, next } = await watching()
  const first = next()
  const stream = await server.next()
  spoil(stream)
  const waiting = await first
  expect(waiting).toMatchObject({ type: 'waiting', error: expect.any(kind as typeof Error) })
  const again = next()
  const second = await server.next()
  second.send(second.says.message([], { isFull: true, isLast: true, timeMs: 3 }))
  expect(await again).toMatchObject({ type: 'endings', verifiedAtMs: 3 })
})

it('begins again when the server says nothing for too long', async () => {
  const timers = new Set<() => void>()
  let onStart = () => {}
  const after: After = (_, run) => {
    timers.add(run)
    onStart()
    return () => timers.delete(run)
  }
  const { server, next } = await watching(after)
  const first = next()
  const stream = await server.next()
  stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: 3 }))
  await first
  // However long the reader takes for what it was told.
  expect(timers.size).toBe(0)
  const started = new Promise<void>((resolve) => (onStart = resolve))
  const silent = next()
  await started
  for (const run of timers) {
    run()
  }
  expect(await silent).toMatchObject({ type: 'waiting', error: { message: /said nothing/ } })
  await stream.gone
})

it('fails once the connection is closed, and does not begin again', async () => {
  const { server, connection, next, events } = await watching()
  const first = next()
  const stream = await server.next()
  stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: 3 }))
  await first
  const second = next()
  connection.close()
  await expect(second).rejects.toThrow(ConnectionClosedError)
  expect(await events.next()).toMatchObject({ done: true })
})

it('ends with its signal, and leaves the server', async () => {
  const { server, next, stop, events } = await watching()
  const first = next()
  const stream = await server.next()
  stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: 3 }))
  await first
  const last = events.next()
  stop.abort()
  expect(await last).toEqual({ done: true, value: undefined })
  await stream.gone
})
