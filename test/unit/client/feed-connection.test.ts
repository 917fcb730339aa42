import { expect, it } from 'vitest'
import { type ConnectionEvent, FeedConnection } from '../../../src/client/feed-connection.js'
import { ServerUnavailableError } from '../../../src/core/errors.js'
import type { Notice } from '../../../src/feed/protocol/messages.js'

const RESET = 'reset\n7\n1.2.3'

class FakeSocket extends EventTarget {
  readonly sent: string[] = []
  isClosed = false

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.isClosed = true
  }

  /** Lets something happen to it, as a server or a network would. */
  tell(type: string, facts: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), facts))
  }
}

/** A connection whose sockets, delays and chance are the test's. */
function setUp({ random = 0, attempts = Number.POSITIVE_INFINITY } = {}) {
  const sockets: FakeSocket[] = []
  const delays: { delayMs: number; run: () => void }[] = []
  const events: ConnectionEvent[] = []
  const notices: Notice[] = []
  const givenUp: Error[] = []
  const connection = new FeedConnection(
    {
      address: 'ws://here/',
      newSocket() {
        sockets.push(new FakeSocket())
        return socket() as never
      },
      hello: 'hello',
      retry: { attempts, firstDelayMs: 500, maxDelayMs: 30_000 },
    },
    {
      onConnection: (event) => events.push(event),
      onNotice: (notice) => notices.push(notice),
      onGivenUp: (error) => givenUp.push(error),
    },
    {
      random: () => random,
      after(delayMs, run) {
        const delay = { delayMs, run }
        delays.push(delay)
        return () => void delays.splice(delays.indexOf(delay), 1)
      },
    },
  )
  const socket = () => sockets.at(-1) as FakeSocket
  const lose = () => socket().tell('close', { code: 1006, reason: '' })
  return { connection, sockets, socket, delays, events, notices, givenUp, lose }
}

it('says hello once it is connected, and no sooner', () => {
  const { connection, socket } = setUp()
  connection.open()
  expect(socket().sent).toEqual([])
  socket().tell('open')
  expect(socket().sent).toEqual(['hello'])
})

it('hands on the notices that follow a reset', () => {
  const { connection, socket, events, notices } = setUp()
  connection.open()
  socket().tell('message', { data: RESET })
  socket().tell('message', { data: 'remove\n7\ns1' })
  expect(events).toEqual([
    { type: 'connecting' },
    { type: 'open', connectionId: 7, expectedVersion: '1.2.3' },
  ])
  expect(notices).toEqual([{ command: 'remove', sessionId: 's1' }])
})

it.each([
  [0, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]],
  [1, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]],
])('waits twice as long after each failure, up to 30 s: with chance %i', (random, expected) => {
  const { connection, delays, lose } = setUp({ random })
  connection.open()
  const waited = expected.map(() => {
    lose()
    const { delayMs, run } = delays.pop() as (typeof delays)[0]
    run()
    return delayMs
  })
  expect(waited).toEqual(expected)
})

it('gives up after as many failures in a row as it may have', () => {
  const { connection, socket, delays, events, givenUp, lose } = setUp({ attempts: 2 })
  connection.open()
  lose()
  delays.pop()?.run()
  socket().tell('message', { data: RESET })
  lose()
  delays.pop()?.run()
  expect(givenUp).toEqual([])
  lose()
  expect(delays).toEqual([])
  expect(events.at(-1)).toEqual({ type: 'connecting' })
  expect(givenUp).toMatchObject([{ code: 'SERVER_UNAVAILABLE' }])
})

it('begins with short delays again after a reset', () => {
  const { connection, socket, delays, lose } = setUp({ random: 1 })
  connection.open()
  lose()
  delays.pop()?.run()
  socket().tell('message', { data: RESET })
  lose()
  expect(delays).toMatchObject([{ delayMs: 500 }])
})

it.each([
  ['the reason of the close', [{ message: 'refused' }], 'the server stops', 'the server stops'],
  ['else the first error', [{ message: 'refused' }, { message: 'hung up' }], '', 'refused'],
  ['else the code of the close', [{}], '', 'the connection was lost (1006)'],
])('says why it was lost: %s', (_, errors, given, reason) => {
  const { connection, socket, events } = setUp()
  connection.open()
  for (const error of errors) {
    socket().tell('error', error)
  }
  socket().tell('close', { code: 1006, reason: given })
  const error = new ServerUnavailableError('ws://here/', `is not connected: ${reason}`)
  expect(events.at(-1)).toEqual({ type: 'waiting', retryDelayMs: 250, reason, error })
})

it('ignores whatever comes of a socket that it has left', () => {
  const { connection, sockets, socket, delays, events, notices, lose } = setUp()
  connection.open()
  lose()
  delays.pop()?.run()
  const [left] = sockets
  const seen = events.length
  left?.tell('open')
  left?.tell('message', { data: RESET })
  left?.tell('close', { code: 1000, reason: '' })
  expect(left?.sent).toEqual([])
  expect(left?.isClosed).toBe(true)
  expect(events).toHaveLength(seen)
  expect(notices).toEqual([])
  expect(socket().isClosed).toBe(false)
})

it('is lost once, whatever else its socket tells before the next attempt', () => {
  const { connection, socket, delays, events, lose } = setUp()
  connection.open()
  lose()
  lose()
  socket().tell('message', { data: RESET })
  expect(delays).toHaveLength(1)
  expect(events.map(({ type }) => type)).toEqual(['connecting', 'waiting'])
})

it.each(['remove\n7\ns1', new ArrayBuffer(1), 'hello\n7'])(
  'leaves a server whose first message is not a reset: %j',
  (data) => {
    const { connection, socket, events, notices } = setUp()
    connection.open()
    socket().tell('message', { data })
    expect(socket().isClosed).toBe(true)
    expect(events.at(-1)).toMatchObject({
      type: 'waiting',
      reason: expect.stringContaining('a message that cannot be read'),
    })
    expect(notices).toEqual([])
  },
)

it('lets go of its socket and of its next attempt when it is closed', () => {
  const { connection, socket, delays, lose } = setUp()
  connection.open()
  connection.close()
  expect(socket().isClosed).toBe(true)
  connection.open()
  lose()
  connection.close()
  expect(delays).toEqual([])
})
