import type { Sessions } from '../core/commands/sessions.js'
import { ClockSuspectError } from '../core/errors.js'
import { backgroundInterval, type Every } from '../net/background-timers.js'
import type { ServerContext } from './context.js'

const INTERVAL_MS = 1_000

/** Ends and purges what is due, at intervals. Reports a failure and tries again. */
export function startSweep(
  { metrics, log, lifecycle }: Pick<ServerContext, 'metrics' | 'log' | 'lifecycle'>,
  sessions: Pick<Sessions, 'closeExpired'>,
  every: Every = backgroundInterval,
): void {
  const stop = new AbortController()
  let sweeping = Promise.resolve()
  /** Sweeps that begin while one walks share that walk, and so its outcome: the very object. It is told once. */
  const told = new WeakSet<object>()
  const isNew = (outcome: object) => !told.has(outcome) && told.add(outcome)
  const sweep = async () => {
    try {
      const startedAtMs = performance.now()
      const counts = await sessions.closeExpired(stop.signal)
      if (isNew(counts)) {
        const { ended, purged } = counts
        metrics.sweepEnded(performance.now() - startedAtMs)
        if (ended + purged > 0) {
          log.info({ event: 'swept', ended, purged }, 'ended and purged what was due')
        }
      }
    } catch (error) {
      // The clock guard has already reported a suspect clock.
      if (!(error instanceof ClockSuspectError) && isNew(error as object)) {
        metrics.sweepFailed()
        log.error({ event: 'sweep-failed', err: error }, 'the sweep failed; it is tried again')
      }
    }
  }
  const stopSweeping = every(INTERVAL_MS, () => {
    sweeping = sweep()
  })
  lifecycle.add(() => {
    stopSweeping()
    stop.abort()
    return sweeping
  })
}
