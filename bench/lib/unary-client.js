import net from 'node:net'
import { Flag, Frame, PREFACE, text } from '../../test/support/http2-frames.mjs'
import { readStatus } from './status.js'

const FRAME_HEADER_BYTES = 9
/** SETTINGS_HEADER_TABLE_SIZE = 0: equal trailers then arrive as equal bytes. SETTINGS_INITIAL_WINDOW_SIZE: 16 MiB. */
const SETTINGS = Buffer.of(0, 1, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0)
/** The connection's window: 1 GiB of replies. It grows again by what came. */
const WINDOW_BYTES = 0x4000_0000

/**
 * Just enough HTTP/2 to repeat one unary gRPC call on one connection. The clients of node:http2 and grpc-js need
 * as much CPU for a call as a server, and would be the bottleneck on two cores. This one needs a tenth.
 *
 * It ignores the server's flow control: the bytes of calls under way, and those that the server has not yet
 * credited, must stay under 64 KiB together.
 */
export class UnaryClient {
  /**
   * Called once, with the reason, when the connection fails.
   * @type {(error: Error) => void}
   */
  onError = (error) => {
    throw error
  }
  #socket
  #headers
  #streamId = -1
  #calls = new Map()
  #outgoing = []
  #rest = Buffer.alloc(0)
  #okTrailers = Buffer.alloc(0)
  #ungrantedBytes = 0

  constructor(port, path) {
    this.#headers = headerBlocks(path)
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', (error) => this.onError(error))
    this.#socket.on('close', () => this.onError(new Error('the server closed the connection')))
    this.#socket.write(PREFACE)
    this.#send(Frame.SETTINGS, 0, 0, SETTINGS)
    this.#grant(WINDOW_BYTES)
  }

  /** Sends a message of at most 16 KiB. If the status is OK, `onReply` gets the length of the answer. */
  call(message, onReply) {
    const headers = this.#streamId < 0 ? this.#headers.first : this.#headers.next
    this.#streamId += 2
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    this.#send(Frame.HEADERS, Flag.END_HEADERS, this.#streamId, headers)
    this.#send(Frame.DATA, Flag.END_STREAM, this.#streamId, prefix, message)
    this.#calls.set(this.#streamId, { onReply, replyBytes: 0 })
  }

  close() {
    this.onError = () => {}
    this.#socket.destroy()
  }

  /** Everything sent in one turn of the event loop leaves in one write. */
  #send(type, flags, streamId, ...parts) {
    if (this.#outgoing.length === 0) {
      process.nextTick(() => {
        this.#socket.write(Buffer.concat(this.#outgoing))
        this.#outgoing = []
      })
    }
    const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    header.writeUIntBE(length, 0, 3)
    header[3] = type
    header[4] = flags
    header.writeUInt32BE(streamId, 5)
    this.#outgoing.push(header, ...parts)
  }

  #read(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let pos = 0
    while (bytes.length - pos >= FRAME_HEADER_BYTES) {
      const start = pos + FRAME_HEADER_BYTES
      const end = start + bytes.readUIntBE(pos, 3)
      if (end > bytes.length) {
        break
      }
      const streamId = bytes.readUInt32BE(pos + 5)
      this.#readFrame(bytes[pos + 3], bytes[pos + 4], streamId, bytes.subarray(start, end))
      pos = end
    }
    this.#rest = bytes.subarray(pos)
  }

  #readFrame(type, flags, streamId, payload) {
    switch (type) {
      case Frame.DATA:
        this.#calls.get(streamId).replyBytes += payload.length
        this.#grant(payload.length)
        break
      case Frame.HEADERS:
        if (flags & Flag.END_STREAM) {
          this.#end(streamId, payload)
        }
        break
      case Frame.SETTINGS:
      case Frame.PING:
        if ((flags & Flag.ACK) === 0) {
          this.#send(type, Flag.ACK, 0, type === Frame.PING ? payload : Buffer.alloc(0))
        }
        break
      case Frame.RST_STREAM:
      case Frame.GOAWAY:
        this.onError(
          new Error(`the server sent a frame of type ${type}: ${payload.toString('hex')}`),
        )
        break
    }
  }

  /** Lets the server send so many bytes more, once they are worth a frame. */
  #grant(bytes) {
    this.#ungrantedBytes += bytes
    if (this.#ungrantedBytes >= WINDOW_BYTES / 2) {
      const growth = Buffer.alloc(4)
      growth.writeUInt32BE(this.#ungrantedBytes)
      this.#send(Frame.WINDOW_UPDATE, 0, 0, growth)
      this.#ungrantedBytes = 0
    }
  }

  /** A call ended. Trailers are decoded only if the same bytes were not OK before. */
  async #end(streamId, trailers) {
    const { onReply, replyBytes } = this.#calls.get(streamId)
    this.#calls.delete(streamId)
    if (!trailers.equals(this.#okTrailers)) {
      const { code, message } = await readStatus(trailers)
      if (code !== '0') {
        this.onError(new Error(`a call was refused with code ${code}: ${message}`))
        return
      }
      this.#okTrailers = Buffer.from(trailers)
    }
    onReply(replyBytes - 5)
  }
}

/**
 * The header block of the first call fills the server's table; that of all other calls refers to it
 * (RFC 7541 section 6; numbers under 62 are those of its appendix A).
 */
function headerBlocks(path) {
  const indexed = (...field) => Buffer.concat(field)
  const post = Buffer.of(0x80 | 3)
  const http = Buffer.of(0x80 | 6)
  const remembered = [
    indexed(Buffer.of(0x40 | 4), text(path)),
    indexed(Buffer.of(0x40 | 1), text('127.0.0.1')),
    indexed(Buffer.of(0x40), text('te'), text('trailers')),
    indexed(Buffer.of(0x40 | 31), text('application/grpc')),
    indexed(Buffer.of(0x40 | 58), text('sessiond-bench')),
  ]
  const newestLast = remembered.map((_, i) => Buffer.of(0x80 | (62 + i))).reverse()
  return {
    first: Buffer.concat([post, http, ...remembered]),
    next: Buffer.concat([post, http, ...newestLast]),
  }
}
