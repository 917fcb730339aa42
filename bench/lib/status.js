import { once } from 'node:events'
import http2 from 'node:http2'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'

const TABLE_SIZE_ZERO = 0x20
const STATUS_200 = 0x88

/**
 * Decodes the gRPC status in a header block that ended a call. Node's HTTP/2 client decodes it, as the
 * answer of a fake server.
 */
export async function readStatus(block) {
  const fields = block[0] === TABLE_SIZE_ZERO ? block.subarray(1) : block
  // A call that fails at once is answered by one block; trailers lack the pseudo-header.
  const answer = fields[0] === STATUS_200 ? fields : Buffer.from([STATUS_200, ...fields])
  const server = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const client = http2.connect('http://localhost', { createConnection: () => server })
  await once(client, 'connect')
  const stream = client.request()
  await setImmediate() // for the request to be written, else the answer comes before it
  const settings = Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)
  const head = Buffer.of(0, answer.length >> 8, answer.length & 0xff, 1, 0x5, 0, 0, 0, 1)
  server.push(Buffer.concat([settings, head, answer]))
  const [headers] = await once(stream, 'response')
  client.destroy()
  return {
    code: headers['grpc-status'],
    message: decodeURIComponent(headers['grpc-message'] ?? ''),
  }
}
