import type { Sessions } from '../core/commands/sessions.js'
import { ClockSuspectError } from '../core/errors.js'
import { backgroundInterval } from '../net/background-timers.js'
import type { ServerContext } from './context.js'

const INTERVAL_MS = 1_000

/** Ends and purges what is due, at intervals. Reports a failure and tries again. */
export function startSweep({ metrics, log, lifecycle }: ServerContext, sessions: Sessions): void {
  const stop = new AbortController()
  let sweeping = Promise.resolve()
  const sweep = async () => {
    try {
      const startedAtMs = performance.now()
      const { ended, purged } = await sessions.closeExpired(stop.signal)
      metrics.sweepEnded(performance.now() - startedAtMs)
      if (ended + purged > 0) {
        log.info({ event: 'swept', ended, purged }, 'ended and purged what was due')
      }
    } catch (error) {
      // The clock guard has already reported a suspect clock.
      if (!(error instanceof ClockSuspectError)) {
        metrics.sweepFailed()
        log.error({ event: 'sweep-failed', err: error }, 'the sweep failed; it is tried again')
      }
    }
  }
  const stopSweeping = backgroundInterval(INTERVAL_MS, () => {
    sweeping = sweep()
  })
  lifecycle.add(() => {
    stopSweeping()
    stop.abort()
    return sweeping
  })
}
