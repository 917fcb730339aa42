import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { setLogger } from '@grpc/grpc-js'
import type { Logger } from './log.js'

/** Stops grpc-js from printing: it prints the values of headers that it cannot encode, `authorization` too. */
export function silenceGrpc(): void {
  setLogger({})
}

/**
 * Turns what dependencies and Node print into lines of the log, which limits them. A line says who printed, never
 * what: the text may quote a caller.
 */
export function logDependencyOutput(log: Logger): void {
  const printed = (by: string) =>
    log.info({ event: 'dependency-output', by }, 'output of a dependency was left out')
  // Without other methods, it prints everything with this one.
  setLogger({ error: () => printed('grpc-js') })
  const sink = new Writable({
    write(_chunk, _encoding, done) {
      printed('console')
      done()
    },
  })
  globalThis.console = new Console(sink)
  // Node's own listener prints warnings.
  process.removeAllListeners('warning')
  process.on('warning', (err) => log.warn({ event: 'warning', err }, 'warning from Node'))
}
