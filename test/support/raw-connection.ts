import { connect, type Socket } from 'node:net'
import { Flag, Frame } from './http2-frames.mjs'

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
