import { connect, type Socket } from 'node:net'

/** Of RFC 9113 section 6. */
export const Frame = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  CONTINUATION: 9,
}
export const Flag = { END_STREAM: 1, END_HEADERS: 4 }
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(
  type: number,
  flags = 0,
  streamId = 0,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

export const HELLO: Buffer = Buffer.concat([PREFACE, frame(Frame.SETTINGS)])
export const PING: Buffer = frame(Frame.PING, 0, 0, Buffer.alloc(8))

/** The headers of a gRPC call, as literals without indexing (RFC 7541 section 6.2.2). */
export function callHeaders(path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)])
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]),
  )
}

/** A connection that says what it is told to, and no more. */
export interface RawConnection {
  readonly socket: Socket
  /** Resolves when the server has ended it. */
  readonly closed: Promise<void>
  /** Writes as fast as the server reads, so many times or until the connection ends, and waits for the end. */
  flood(chunk: () => Buffer, times?: number): Promise<void>
}

/** Connects to `HOST:PORT`. */
export async function rawConnection(
  atEnd: (destroy: () => void) => void,
  address: string,
  localAddress = '127.0.0.1',
): Promise<RawConnection> {
  const colon = address.lastIndexOf(':')
  const socket = connect({
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    localAddress,
  })
  atEnd(() => socket.destroy())
  socket.on('error', () => {}) // 'close' follows.
  socket.resume()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  /** An event, or the end. */
  const event = (name: string) =>
    Promise.race([new Promise<void>((resolve) => socket.once(name, () => resolve())), closed])
  await event('connect')
  return {
    socket,
    closed,
    async flood(chunk, times = Number.POSITIVE_INFINITY) {
      for (let written = 0; written < times && !socket.destroyed; written++) {
        if (!socket.write(chunk())) {
          await event('drain')
        }
      }
      socket.end()
      await closed
    },
  }
}
