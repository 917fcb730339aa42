// @ts-check
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** No command of the harness takes longer. */
const TIMEOUT_MS = 10_000

/**
 * A connection of the harness's own to an engine that it started itself: replies are taken on trust. What the store
 * does with replies is tested against this, so it shares no code with it.
 */
export class Wire {
  /** @type {{ resolve: (reply: any) => void, reject: (error: Error) => void }[]} */
  waiting = []
  received = Buffer.alloc(0)
  isClosed = false

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.end(new Error('the engine closed the connection')))
  }

  /**
   * @param {readonly string[]} args
   * @returns {Promise<any>}
   */
  call(args) {
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`)
    this.socket.write(`*${parts.length}\r\n${parts.join('')}`)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.end(new Error(`the engine did not answer ${args[0]} in ${TIMEOUT_MS} ms`))
      }, TIMEOUT_MS)
      this.waiting.push({
        resolve: (reply) => {
          clearTimeout(timer)
          resolve(reply)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
    })
  }

  close() {
    this.end(new Error('closed'))
  }

  /** @param {Error} reason */
  end(reason) {
    this.isClosed = true
    this.socket.destroy()
    for (const { reject } of this.waiting.splice(0)) {
      reject(reason)
    }
  }

  /** @param {Buffer} chunk */
  take(chunk) {
    this.received = Buffer.concat([this.received, chunk])
    for (;;) {
      const read = readReply(this.received, 0)
      if (read === undefined) {
        return
      }
      this.received = this.received.subarray(read.end)
      const call = this.waiting.shift()
      if (read.reply instanceof Error) {
        call?.reject(read.reply)
      } else {
        call?.resolve(read.reply)
      }
    }
  }
}

/**
 * Connects to an engine on loopback.
 *
 * @param {number} port
 * @param {{ tls?: import('node:tls').ConnectionOptions | undefined, password?: string | undefined }} [options]
 */
export async function connectEngine(port, { tls, password } = {}) {
  const at = { host: '127.0.0.1', port }
  const socket = tls === undefined ? connect(at) : connectTls({ ...at, ...tls })
  await once(socket, tls === undefined ? 'connect' : 'secureConnect')
  const wire = new Wire(socket)
  if (password !== undefined) {
    await wire.call(['AUTH', password])
  }
  return wire
}

/**
 * One reply of RESP2; undefined where it is not all there yet.
 *
 * @param {Buffer} bytes
 * @param {number} start
 * @returns {{ reply: any, end: number } | undefined}
 */
function readReply(bytes, start) {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd < 0) {
    return undefined
  }
  const text = bytes.toString('utf8', start + 1, lineEnd)
  let end = lineEnd + 2
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '+':
      return { reply: text, end }
    case '-':
      return { reply: new Error(text), end }
    case ':':
      return { reply: Number(text), end }
    case '$': {
      const length = Number(text)
      if (length < 0) {
        return { reply: null, end }
      }
      return bytes.length < end + length + 2
        ? undefined
        : { reply: bytes.toString('utf8', end, end + length), end: end + length + 2 }
    }
    case '*': {
      const items = []
      for (let left = Number(text); left > 0; left--) {
        const item = readReply(bytes, end)
        if (item === undefined) {
          return undefined
        }
        items.push(item.reply)
        end = item.end
      }
      return { reply: Number(text) < 0 ? null : items, end }
    }
    default:
      throw new Error(`not a reply: ${bytes.toString('latin1', start, start + 40)}`)
  }
}
