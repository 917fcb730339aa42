// The built server, which tells on SIGUSR2, in one log line, what it did since it was asked last: how many rows of its
// store it read, and on which of its ports it wrote to peers, in the order of the first write on each.
import { Socket } from 'node:net'
import { AbstractIterator, AbstractLevel } from 'abstract-level'

let rows = 0
const ports = new Set()
/** Of a ping to a viewer, which may come at any time. */
const PING_BYTES = 2

/** Counts what a method reads, once for each call, and the rows in what it returns. */
function counting(prototype, name, rowsOf) {
  const read = prototype[name]
  prototype[name] = function (...args) {
    const result = read.apply(this, args)
    if (result instanceof Promise) {
      return result.then((found) => {
        rows += rowsOf(found)
        return found
      })
    }
    rows += rowsOf(result)
    return result
  }
}

const walk = Object.getPrototypeOf(AbstractIterator.prototype)
counting(walk, 'nextv', (found) => found.length)
counting(walk, 'all', (found) => found.length)
counting(AbstractLevel.prototype, 'getMany', (found) => found.length)
counting(AbstractLevel.prototype, 'getSync', () => 1)

/** `data` is one chunk, or the list of those that were corked. */
const bytesOf = (data) =>
  Array.isArray(data) ? data.reduce((sum, { chunk }) => sum + chunk.length, 0) : data.length

for (const name of ['_write', '_writev']) {
  const write = Socket.prototype[name]
  Socket.prototype[name] = function (data, ...rest) {
    if (bytesOf(data) !== PING_BYTES) {
      ports.add(this.localPort)
    }
    return write.call(this, data, ...rest)
  }
}

process.on('SIGUSR2', () => {
  // Not by console: the server keeps what others print there to itself.
  process.stdout.write(`${JSON.stringify({ event: 'counted', rows, ports: [...ports] })}\n`)
  rows = 0
  ports.clear()
})

await import('../../dist/cli/main.js')
