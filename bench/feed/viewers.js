import net from 'node:net'
import { createHistogram } from 'node:perf_hooks'

const CONNECT_AT_ONCE = 100
const READ_BYTES = 64 * 1024
const HEADERS_END = Buffer.from('\r\n\r\n')
const STAMP = Buffer.from('sent ')
const STAMP_DIGITS = 12
const A = 0x61
const U = 0x75
/** Opcodes of RFC 6455 section 5.2, with FIN. */
const TEXT = 0x81
const CLOSE = 0x88
const PING = 0x89
/** Frames of a client, masked with zeros: a text of one character, and a pong without payload. */
const ANY_TEXT = Buffer.of(TEXT, 0x81, 0, 0, 0, 0, 0x2e)
const PONG = Buffer.of(0x8a, 0x80, 0, 0, 0, 0)

/** A name for a session that contains the time, by the clock of this process. */
export function stamp() {
  return `sent ${String(Math.round(performance.now() * 1000)).padStart(STAMP_DIGITS, '0')}`
}

/**
 * Many WebSocket clients that only count messages and read the stamps in them. A client library would be the
 * bottleneck on two cores. Here all read into one buffer, and a frame allocates nothing.
 */
export class Viewers {
  messages = 0
  /** The length of the last message. */
  messageBytes = 0
  /** Microseconds from the stamp in an `add` or `update` until it is read here. */
  latencies = createHistogram()
  /** The stamp of the change that `haveRead` waits for, or later ones, and how often they were read. */
  #awaitedFromMicros = Number.POSITIVE_INFINITY
  #awaitedReads = 0
  #onRead = () => {}
  #sockets = []
  #buffer = Buffer.allocUnsafe(READ_BYTES)
  #isClosing = false

  static async connect(port, count) {
    const viewers = new Viewers()
    for (let connected = 0; connected < count; connected += CONNECT_AT_ONCE) {
      const batch = Math.min(CONNECT_AT_ONCE, count - connected)
      await Promise.all(Array.from({ length: batch }, () => viewers.#open(port)))
    }
    return viewers
  }

  get size() {
    return this.#sockets.length
  }

  /** Sends a text from one of them. */
  send() {
    this.#sockets[0].write(ANY_TEXT)
  }

  /**
   * Waits until `isReached` returns true. It is called now, and after each reading.
   * @returns {Promise<void>}
   */
  until(isReached) {
    return new Promise((resolve) => {
      this.#onRead = () => {
        if (isReached()) {
          this.#onRead = () => {}
          resolve()
        }
      }
      this.#onRead()
    })
  }

  /** Waits until they have received this many messages in all. */
  async received(messages) {
    await this.until(() => this.messages >= messages)
    if (this.messages > messages) {
      throw new Error(`${this.messages} messages came instead of ${messages}`)
    }
  }

  /** Makes a last change with a stamp, and waits until each of them has read it. */
  async haveRead(change) {
    this.#awaitedReads = 0
    this.#awaitedFromMicros = Math.round(performance.now() * 1000)
    await change()
    await this.until(() => this.#awaitedReads >= this.size)
    this.#awaitedFromMicros = Number.POSITIVE_INFINITY
  }

  close() {
    this.#isClosing = true
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  /**
   * Resolves once the server has accepted the connection.
   * @returns {Promise<void>}
   */
  #open(port) {
    return new Promise((resolve) => {
      let isOpen = false
      let rest = Buffer.alloc(0)
      const read = (size) => {
        const chunk = this.#buffer.subarray(0, size)
        let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        if (!isOpen) {
          const end = bytes.indexOf(HEADERS_END)
          if (!bytes.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) {
            throw new Error(`a viewer was refused: ${bytes}`)
          }
          bytes = bytes.subarray(end + HEADERS_END.length)
          isOpen = true
          resolve()
        }
        const read = this.#readFrames(bytes, socket)
        rest = read === bytes.length ? bytes.subarray(read) : Buffer.from(bytes.subarray(read))
        this.#onRead()
        return true
      }
      const socket = net.connect({
        ...{ port, host: '127.0.0.1', noDelay: true },
        onread: { buffer: this.#buffer, callback: read },
      })
      socket.on('close', () => {
        if (!this.#isClosing) {
          throw new Error('the server ended a connection')
        }
      })
      socket.write(
        [
          ...['GET /session-list HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Upgrade: websocket'],
          ...['Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
          ...['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''],
        ].join('\r\n'),
      )
      this.#sockets.push(socket)
    })
  }

  /** Reads all complete frames, and returns where the next one begins. */
  #readFrames(bytes, socket) {
    let start = 0
    while (bytes.length >= start + 2) {
      let length = bytes[start + 1]
      let payload = start + 2
      if (length === 126) {
        payload += 2
        length = bytes.length < payload ? Number.POSITIVE_INFINITY : bytes.readUInt16BE(start + 2)
      }
      const end = payload + length
      if (bytes.length < end) {
        break
      }
      this.#readFrame(bytes, bytes[start], payload, end, socket)
      start = end
    }
    return start
  }

  #readFrame(bytes, opcode, start, end, socket) {
    if (opcode === TEXT) {
      this.messages++
      this.messageBytes = end - start
      if (bytes[start] === A || bytes[start] === U) {
        this.#readStamp(bytes, start, end)
      }
    } else if (opcode === PING) {
      socket.write(PONG)
    } else if (opcode === CLOSE) {
      throw new Error(`the server ended a connection: ${bytes.subarray(start + 2, end)}`)
    }
  }

  #readStamp(bytes, start, end) {
    const at = bytes.indexOf(STAMP, start)
    if (at < 0 || at >= end) {
      return
    }
    let sentMicros = 0
    for (let i = at + STAMP.length; i < at + STAMP.length + STAMP_DIGITS; i++) {
      sentMicros = sentMicros * 10 + bytes[i] - 0x30
    }
    if (sentMicros >= this.#awaitedFromMicros) {
      this.#awaitedReads++
    }
    this.latencies.record(Math.max(1, Math.round(performance.now() * 1000 - sentMicros)))
  }
}
