import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { setLogger } from '@grpc/grpc-js'
import type { Logger } from './log.js'

/** grpc-js prints the values of headers that it cannot take, `authorization` too: from here on it prints nothing. */
export function silenceGrpc(): void {
  setLogger({})
}

/**
 * What dependencies and Node print is a line of the log from here on, of which any peer can bring about many. The
 * line says who printed, never what: the text may quote what a caller sent.
 */
export function logDependencyOutput(log: Logger): void {
  const printed = (by: string) =>
    log.info(
      { event: 'dependency-output', by },
      'a dependency printed something, which is left out',
    )
  const printedByGrpc = () => printed('grpc-js')
  setLogger({ error: printedByGrpc, info: printedByGrpc, debug: printedByGrpc })
  const sink = new Writable({
    write(_chunk, _encoding, done) {
      printed('console')
      done()
    },
  })
  globalThis.console = new Console(sink)
  // Node's own listener prints them.
  process.removeAllListeners('warning')
  process.on('warning', (err) => log.warn({ event: 'warning', err }, 'Node warns'))
}
