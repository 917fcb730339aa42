import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { rawDefinition } from '../../src/grpc/contracts.js'
import { unary } from '../../src/grpc/handler.js'
import { startTestGrpc } from '../support/grpc.js'
import { NO_FAILURES } from '../support/observer.js'

// RFC 9113: the preface, and types and flags of frames.
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const [DATA, HEADERS, SETTINGS, GOAWAY] = [0, 1, 4, 7]
const END_STREAM = 1
const END_HEADERS = 4

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Header fields as RFC 7541 section 6.2.2 writes them without its table. */
function fields(given: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(given).flatMap(([name, value]) => [
      Buffer.of(0, name.length),
      Buffer.from(name),
      Buffer.of(value.length),
      Buffer.from(value),
    ]),
  )
}

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
  const server = await startTestGrpc({
    'session.Session': {
      definition: rawDefinition('session.Session'),
      implementation: { Create: unary(async () => Buffer.from('answer'), NO_FAILURES) },
    },
  })
  onTestFinished(async () => void (await server.close(0)))
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const request = fields({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/session.Session/Create',
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0),
      frame(GOAWAY, 0, 0, Buffer.alloc(8)),
      frame(HEADERS, END_HEADERS, 1, request),
      frame(DATA, END_STREAM, 1, Buffer.alloc(5)),
    ]),
  )
  const seen: number[] = []
  for await (const type of framesOf(socket, 1)) {
    seen.push(type)
  }
  expect(seen).toEqual([HEADERS, DATA, HEADERS])
})
