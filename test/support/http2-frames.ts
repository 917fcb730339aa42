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

/** A string literal of HPACK (RFC 7541 section 5.2), not Huffman-coded. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length: number[] = []
  let rest = bytes.length - 127
  for (; rest >= 128; rest >>= 7) {
    length.push((rest & 127) | 128)
  }
  const head = bytes.length < 127 ? [bytes.length] : [127, ...length, rest]
  return Buffer.concat([Buffer.from(head), bytes])
}

/** A header as a literal: without indexing (RFC 7541 section 6.2.2), or put into the table (6.2.1). */
export function literalHeader(name: string, value: string, isIndexed = false): Buffer {
  return Buffer.concat([Buffer.of(isIndexed ? 0x40 : 0), text(name), text(value)])
}

/** The entry that was put into the table last (RFC 7541 section 6.1). */
export const LAST_INDEXED: Buffer = Buffer.of(0x80 | 62)

/** The headers of a gRPC call. */
export function callHeaders(path: string, ...more: readonly Buffer[]): Buffer {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  const literals = Object.entries(fields).map(([name, value]) => literalHeader(name, value))
  return Buffer.concat([...literals, ...more])
}

/** A call with an empty message, whose request is complete. */
export function emptyCall(streamId: number, headers: Buffer): Buffer {
  return Buffer.concat([
    frame(Frame.HEADERS, Flag.END_HEADERS, streamId, headers),
    frame(Frame.DATA, Flag.END_STREAM, streamId, Buffer.alloc(5)),
  ])
}

/** Resolves once so many streams were ended by the server. */
export function streamsEnded(socket: Socket, count: number): Promise<void> {
  let rest = Buffer.alloc(0)
  let ended = 0
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (;;) {
        const length = rest.length < 9 ? 0 : rest.readUIntBE(0, 3)
        if (rest.length < 9 + length) {
          return
        }
        const [type = 0, flags = 0] = rest.subarray(3)
        const isData = type === Frame.DATA || type === Frame.HEADERS
        ended += type === Frame.RST_STREAM || (isData && flags & Flag.END_STREAM) ? 1 : 0
        rest = rest.subarray(9 + length)
        if (ended === count) {
          resolve()
        }
      }
    })
  })
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
