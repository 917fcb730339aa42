/*
 * The built server, which loses its worker threads at SIGUSR2: in the place of a thread that runs out of memory.
 */
import { syncBuiltinESMExports } from 'node:module'
import worker from 'node:worker_threads'

const threads = new Set()
worker.Worker = class extends worker.Worker {
  constructor(file, options) {
    super(file, options)
    threads.add(this)
    this.on('exit', () => threads.delete(this))
  }
}
syncBuiltinESMExports()
process.on('SIGUSR2', () => {
  for (const thread of threads) {
    thread.terminate()
  }
})
await import('../../dist/cli/main.js')
