import { once } from 'node:events'
import { connect } from 'node:http2'

/** A Create that has begun: the server knows of it and has half of its bytes. */
export interface HalfSent {
  /** Sends the rest, and returns the gRPC status and the message that came back. */
  finish(): Promise<{ status: string; message: Buffer }>
  close(): void
}

/** Sends the first half of a request over bare HTTP/2, and waits until the server has it. */
export async function beginCreate(address: string, request: Buffer): Promise<HalfSent> {
  const session = connect(`http://${address}`)
  await once(session, 'connect')
  const stream = session.request({
    ':method': 'POST',
    ':path': '/session.Session/Create',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  // The length-prefixed message of gRPC over HTTP/2: not compressed, 4 bytes of length.
  const frame = Buffer.concat([Buffer.alloc(5), request])
  frame.writeUInt32BE(request.length, 1)
  const half = frame.length >> 1
  stream.write(frame.subarray(0, half))
  // What comes back of a ping was behind the request on its way there.
  await new Promise<void>((resolve, reject) =>
    session.ping((error) => (error === null ? resolve() : reject(error))),
  )
  return {
    async finish() {
      const trailers = once(stream, 'trailers')
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.end(frame.subarray(half))
      const [headers] = await trailers
      return { status: String(headers['grpc-status']), message: Buffer.concat(chunks).subarray(5) }
    },
    close: () => session.close(),
  }
}
