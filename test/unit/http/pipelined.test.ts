import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { oneByOne } from '../../../src/http/pipelined.js'
import { listenLocally } from '../../support/listen.js'

/** What Node reads at once, in requests of this length. */
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const READ_AT_ONCE = Math.ceil((64 * 1024) / REQUEST.length)

it('no more is read from a connection while many of its requests wait', async () => {
  const sent = 10_000
  let received = 0
  let answered = 0
  let mostWaiting = 0
  const answer = oneByOne(({ response }) => {
    answered++
    response.end()
  })
  const server = createServer((request, response) => {
    received++
    mostWaiting = Math.max(mostWaiting, received - answered)
    answer(request, response)
  })
  const socket = connect(await listenLocally(server), '127.0.0.1')
  socket
    .resume()
    .write(REQUEST.repeat(sent - 1) + REQUEST.replace('Host', 'Connection: close\r\nHost'))
  await once(socket, 'close')
  expect(answered).toBe(sent)
  expect(mostWaiting).toBeLessThan(READ_AT_ONCE + 50)
})

it('what waits on a connection that is cut is forgotten', async () => {
  let answered = 0
  const server = createServer(
    oneByOne(({ request, response }) => {
      answered++
      if (answered === 3) {
        request.socket.destroy()
      } else {
        response.end()
      }
    }),
  )
  const socket = connect(await listenLocally(server), '127.0.0.1')
  socket.on('error', () => {})
  socket.resume().write(REQUEST.repeat(10))
  await once(socket, 'close')
  const closed = once(server, 'close')
  server.close()
  await closed
  expect(answered).toBe(3)
})
