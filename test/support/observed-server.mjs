// The built server, which tells of its memory whenever it gets SIGUSR2: one log line, after a full collection.
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AbstractIterator, AbstractKeyIterator, AbstractSnapshot } from 'abstract-level'

// Both are opened when they are first used, as by a warning of Node's: that is not the load's doing.
void [process.stdout, process.stderr]

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const count = (type) => queryObjects(type, { format: 'count' })

process.on('SIGUSR2', () => {
  gc()
  const resources = {}
  for (const name of process.getActiveResourcesInfo()) {
    // These are work that is about to be done, by this very listener for one.
    if (name !== 'Immediate') {
      resources[name] = (resources[name] ?? 0) + 1
    }
  }
  const walks = [AbstractIterator, AbstractKeyIterator, AbstractSnapshot].map(count)
  const { heapUsed } = process.memoryUsage()
  // Not by console: the server keeps what others print there to itself.
  process.stdout.write(`${JSON.stringify({ event: 'observed', heapUsed, resources, walks })}\n`)
})

await import('../../dist/cli/main.js')
