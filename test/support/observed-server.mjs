// The built server, which answers two signals with a log line each. SIGUSR2: its memory after a full collection, and its
// handles. SIGWINCH: its open walks over the database, which takes a second or more, as V8 looks at the whole heap for each.
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AbstractIterator, AbstractKeyIterator, AbstractSnapshot } from 'abstract-level'

// Both are opened when they are first used, as by a warning of Node's: that is not the load's doing.
void [process.stdout, process.stderr]

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const count = (type) => queryObjects(type, { format: 'count' })

// Not by console: the server keeps what others print there to itself.
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

process.on('SIGUSR2', () => {
  gc()
  const resources = {}
  for (const name of process.getActiveResourcesInfo()) {
    // These are work that is about to be done, by this very listener for one.
    if (name !== 'Immediate') {
      resources[name] = (resources[name] ?? 0) + 1
    }
  }
  const { heapUsed } = process.memoryUsage()
  write({ event: 'observed', heapUsed, resources })
})
process.on('SIGWINCH', () => {
  const walks = [AbstractIterator, AbstractKeyIterator, AbstractSnapshot].map(count)
  write({ event: 'walks', walks })
})

await import('../../dist/cli/main.js')
