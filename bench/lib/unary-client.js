import net from 'node:net'
import {
  Flag,
  FRAME_HEADER_BYTES,
  Frame,
  frame,
  PREFACE,
  text,
  writeFrameHeader,
} from '../../test/support/http2-frames.mjs'
import { readStatus } from './status.js'

/** Of a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5
const NOTHING = Buffer.alloc(0)
/** SETTINGS_HEADER_TABLE_SIZE = 0: equal trailers then arrive as equal bytes. SETTINGS_INITIAL_WINDOW_SIZE: 16 MiB. */
const SETTINGS = Buffer.of(0, 1, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0)
/** The connection's window: 1 GiB of replies. It grows again by what came. */
const WINDOW_BYTES = 0x4000_0000
/** What all connections read into, one after the other. By default Node allocates as much for each read. */
const READ_BUFFER = Buffer.alloc(64 * 1024)

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
  #rest = NOTHING
  #okTrailers = NOTHING
  #ungrantedBytes = 0

  constructor(port, path) {
    this.#headers = headerBlocks(path)
    this.#socket = net.connect({
      ...{ port, host: '127.0.0.1', noDelay: true },
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#read(READ_BUFFER.subarray(0, length))
          return true
        },
      },
    })
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
    const dataAt = FRAME_HEADER_BYTES + headers.length
    const messageAt = dataAt + FRAME_HEADER_BYTES + PREFIX_BYTES
    const bytes = Buffer.allocUnsafe(messageAt + message.length)
    const streamId = this.#streamId
    writeFrameHeader(bytes, 0, {
      length: headers.length,
      type: Frame.HEADERS,
      flags: Flag.END_HEADERS,
      streamId,
    })
    bytes.set(headers, FRAME_HEADER_BYTES)
    writeFrameHeader(bytes, dataAt, {
      length: PREFIX_BYTES + message.length,
      type: Frame.DATA,
      flags: Flag.END_STREAM,
      streamId,
    })
    bytes[dataAt + FRAME_HEADER_BYTES] = 0 // Not compressed.
    bytes.writeUInt32BE(message.length, messageAt - PREFIX_BYTES + 1)
    bytes.set(message, messageAt)
    this.#write(bytes)
    this.#calls.set(this.#streamId, { onReply, replyBytes: 0 })
  }

  close() {
    this.onError = () => {}
    this.#socket.destroy()
  }

  #send(type, flags, streamId, payload) {
    this.#write(frame(type, flags, streamId, payload))
  }

  /** Everything sent in one turn of the event loop leaves in one write. */
  #write(bytes) {
    this.#outgoing.push(bytes)
    if (this.#outgoing.length === 1) {
      process.nextTick(() => {
        const [first] = this.#outgoing
        this.#socket.write(this.#outgoing.length === 1 ? first : Buffer.concat(this.#outgoing))
        this.#outgoing = []
      })
    }
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
    // A copy: the next read overwrites it.
    this.#rest = pos === bytes.length ? NOTHING : Buffer.from(bytes.subarray(pos))
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
  #end(streamId, trailers) {
    const { onReply, replyBytes } = this.#calls.get(streamId)
    this.#calls.delete(streamId)
    const settle = () => onReply(replyBytes - PREFIX_BYTES)
    if (trailers.equals(this.#okTrailers)) {
      settle()
    } else {
      this.#decode(Buffer.from(trailers)).then(settle, (error) => this.onError(error))
    }
  }

  async #decode(trailers) {
    const { code, message } = await readStatus(trailers)
    if (code !== '0') {
      throw new Error(`a call was refused with code ${code}: ${message}`)
    }
    this.#okTrailers = trailers
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
