import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createService, startTestGrpc } from '../../../support/grpc.js'
import { callHeaders, Flag, Frame, frame, HELLO } from '../../../support/http2-frames.js'

/** Types of the frames of a stream, as they come. */
async function* framesOf(socket: AsyncIterable<Buffer>, stream: number): AsyncGenerator<number> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      if (bytes.readUInt32BE(5) === stream) {
        yield bytes[3] as number
      }
      bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3))
    }
  }
}

// Refusing it would free it while Node still reads it (nodejs/node#64113).
it('serves a call that comes in one read with the GOAWAY before it', async () => {
  const server = await startTestGrpc(createService(() => Buffer.from('answer')))
  onTestFinished(async () => void (await server.close(0)))
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write(
    Buffer.concat([
      HELLO,
      frame(Frame.GOAWAY, 0, 0, Buffer.alloc(8)),
      frame(Frame.HEADERS, Flag.END_HEADERS, 1, callHeaders('/session.Session/Create')),
      frame(Frame.DATA, Flag.END_STREAM, 1, Buffer.alloc(5)),
    ]),
  )
  const seen: number[] = []
  for await (const type of framesOf(socket, 1)) {
    seen.push(type)
  }
  expect(seen).toEqual([Frame.HEADERS, Frame.DATA, Frame.HEADERS])
})
