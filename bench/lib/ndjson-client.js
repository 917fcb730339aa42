import net from 'node:net'

/** Where the id of a message stands, in questions and answers alike: `{"id":"…"`. */
const ID_START = '{"id":"'.length
const ERROR = Buffer.from('"error":')
const NEWLINE = 0x0a

/**
 * Sends lines of JSON that begin with an id, over several connections, and matches the answers by
 * that id. It parses none of them: on two cores that would set the pace.
 */
export class NdjsonClient {
  /** Called with why the client is of no more use. */
  onError = (error) => {
    throw error
  }
  #connections
  #last = 0
  #calls = new Map()
  #idLength

  /** All ids are texts of `idLength` ASCII characters. */
  constructor(port, { idLength, connections }) {
    this.#idLength = idLength
    this.#connections = Array.from({ length: connections }, () => this.#connect(port))
  }

  /** Sends a line with its end; `onReply` gets the length of the answer, and the answer, if it is no error. */
  call(line, onReply) {
    const connection = this.#next()
    this.#calls.set(this.#idOf(line, 0), onReply)
    if (connection.outgoing.length === 0) {
      // What is sent in one turn of the event loop goes out in one write.
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
