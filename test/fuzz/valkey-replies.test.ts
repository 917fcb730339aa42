import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'
import { Connection } from '../../src/stores/valkey/connection/connection.js'
import {
  EngineError,
  itemsOf,
  numberOf,
  type Reply,
  textOf,
} from '../../src/stores/valkey/connection/reply.js'
import { reply } from '../support/scripted-engine.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

/** What the engine answers next; then it closes the connection. */
let answer: Buffer = Buffer.alloc(0)
const isLoggedIn = new WeakSet<object>()
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', () => {
    if (isLoggedIn.has(socket)) {
      socket.end(answer)
    } else {
      isLoggedIn.add(socket)
      socket.write(reply.pong)
    }
  })
})
let port = 0

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
})

/** Whether one of the readers takes it, and no two do. */
function isOneOf(reply: Reply | undefined): boolean {
  const taken = [textOf, itemsOf, numberOf].filter((read) => {
    try {
      read(reply)
      return true
    } catch {
      return false
    }
  })
  expect(taken.length).toBeLessThan(2)
  return taken.length === 1
}

fuzz({
  name: 'valkey-replies',
  seeds: [
    reply.ok,
    reply.number(-17),
    reply.bulk('a\r\nb'),
    '$-1\r\n',
    '*-1\r\n*0\r\n',
    reply.array(reply.number(1), reply.array(reply.bulk('x'), '$-1\r\n'), '*0\r\n'),
    reply.error('MOVED 3999 127.0.0.1:6381'),
    reply.slots([0, 8191, 7000], [8192, 16_383, 7001]),
  ],
  mutate: mutateBytes,
  reaches: ['reply', 'foreign', 'refused', 'lost'],
  leastRuns: 500,
  async check(input) {
    answer = input
    const settings = { user: null, password: () => null, tls: null, timeoutMs: 5000 }
    const connection = await Connection.open({ host: '127.0.0.1', port }, settings)
    try {
      const [first] = await connection.ask([['GET', 'k']], 5000)
      if (first instanceof EngineError) {
        return 'refused'
      }
      return isOneOf(first) ? 'reply' : 'foreign'
    } catch (error) {
      expect((error as Error).message).toMatch(
        /^the engine |too large|Unknown RESP type|read ECONN/,
      )
      return 'lost'
    } finally {
      connection.close(new Error('done'))
    }
  },
})
