import net from 'node:net'

/** Position of a message's ID, in requests and answers: `{"id":"…"`. */
const ID_START = '{"id":"'.length
const ERROR = Buffer.from('"error":')
const NEWLINE = 0x0a

/**
 * Sends lines of JSON that begin with an ID over a connection, and matches the answers by that ID. It parses no answer,
 * which would be the bottleneck on two cores.
 */
export class NdjsonClient {
  /**
   * Called with the reason when the client fails.
   * @type {(error: Error) => void}
   */
  onError = (error) => {
    throw error
  }
  #socket
  #outgoing = []
  #rest = Buffer.alloc(0)
  #calls = new Map()
  #idLength

  /** All IDs have `idLength` ASCII characters. */
  constructor(port, { idLength }) {
    this.#idLength = idLength
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', (error) => this.onError(error))
    this.#socket.on('close', () => this.onError(new Error('the server closed the connection')))
  }

  /** Sends a line, including its end. `onReply` gets the length of the answer and, unless it is an error, the answer. */
  call(line, onReply) {
    this.#calls.set(this.#idOf(line, 0), onReply)
    if (this.#outgoing.length === 0) {
      // Everything sent in one turn of the event loop leaves in one write.
      process.nextTick(() => {
        this.#socket.write(Buffer.concat(this.#outgoing))
        this.#outgoing = []
      })
    }
    this.#outgoing.push(line)
  }

  close() {
    this.onError = () => {}
    this.#socket.destroy()
  }

  #read(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let start = 0
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start)
      if (end < 0) {
        break
      }
      this.#settle(bytes, start, end)
      start = end + 1
    }
    this.#rest = bytes.subarray(start)
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
