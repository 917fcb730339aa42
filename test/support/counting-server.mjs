// The built server, which tells on SIGUSR2 how many rows of its store it has read since it was asked last: one log line.
import { AbstractIterator, AbstractLevel } from 'abstract-level'

let rows = 0

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

process.on('SIGUSR2', () => {
  // Not by console: the server keeps what others print there to itself.
  process.stdout.write(`${JSON.stringify({ event: 'rows-read', rows })}\n`)
  rows = 0
})

await import('../../dist/cli/main.js')
