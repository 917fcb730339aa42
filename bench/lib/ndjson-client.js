import net from 'node:net'

/** Position of a message's ID, in requests and answers: `{"id":"…"`. */
const ID_START = '{"id":"'.length
const ERROR = Buffer.from('"error":')
const NEWLINE = 0x0a

/**
 * Sends lines of JSON that begin with an ID over several connections, and matches the answers by
 * that ID. It parses no answer, which would be the bottleneck on two cores.
 */
export class NdjsonClient {
  /**
   * Called with the reason when the client fails.
   * @type {(error: Error) => void}
   */
  onError = (error) => {
    throw error
  }
  #connections
  #last = 0
  #calls = new Map()
  #idLength

  /** All IDs have `idLength` ASCII characters. */
  constructor(port, { idLength, connections }) {
    this.#idLength = idLength
    this.#connections = Array.from({ length: connections }, () => this.#connect(port))
  }

  /** Sends a line, including its end. `onReply` gets the length of the answer and, unless it is an error, the answer. */
  call(line, onReply) {
    const connection = this.#next()
    this.#calls.set(this.#idOf(line, 0), onReply)
    if (connection.outgoing.length === 0) {
      // Everything sent in one turn of the event loop leaves in one write.
      process.nextTick(() => {
        connection.socket.write(Buffer.concat(connection.outgoing))
        connection.outgoing = []
      })
    }
    connection.outgoing.push(line)
  }

  close() {
    this.onError = () => {}
    for (const { socket } of this.#connections) {
      socket.destroy()
    }
  }

  #connect(port) {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const connection = { socket, outgoing: [], rest: Buffer.alloc(0) }
    socket.on('data', (chunk) => this.#read(connection, chunk))
    socket.on('error', (error) => this.onError(error))
    socket.on('close', () => this.onError(new Error('the server closed the connection')))
    return connection
  }

  #next() {
    this.#last = (this.#last + 1) % this.#connections.length
    return this.#connections[this.#last]
  }

  #read(connection, chunk) {
    const { rest } = connection
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let start = 0
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start)
      if (end < 0) {
        break
      }
      this.#settle(bytes, start, end)
      start = end + 1
    }
    connection.rest = bytes.subarray(start)
  }

  #settle(bytes, start, end) {
    const id = this.#idOf(bytes, start)
    const onReply = this.#calls.get(id)
    const line = bytes.subarray(start, end)
    this.#calls.delete(id)
    if (line.includes(ERROR)) {
      this.onError(new Error(`a call was refused: ${line}`))
    } else {
      onReply(line.length + 1, line)
    }
  }

  #idOf(bytes, start) {
    const at = start + ID_START
    return bytes.latin1Slice(at, at + this.#idLength)
  }
}
