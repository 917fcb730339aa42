import type { Logger } from '../log.js'

/** Ends a server on SIGTERM or SIGINT with what is under way; a second signal ends the process at once. */
export function closeOnSignals(close: () => Promise<void>, log: Logger): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, async () => {
      if (stopping) {
        process.exit(1)
      }
      stopping = true
      log.info({ event: 'stopping', signal }, 'finishing calls under way')
      await close()
      log.info({ event: 'stopped' }, 'stopped')
    })
  }
}
