import { ClockGuard } from '../core/endings/clock-guard.js'
import type { SessionStore } from '../core/store.js'
import type { Logger } from '../observability/log.js'

/** Compares the wall clock with the monotonic clock and with the newest session in the store. */
export async function guardClock(
  store: SessionStore,
  maxDriftMs: number,
  log: Logger,
): Promise<ClockGuard> {
  const newest = await store.list({ skip: 0, take: 1, total: false })
  const guard = new ClockGuard({
    wallNowMs: Date.now,
    monotonicNowMs: () => performance.now(),
    maxDriftMs,
    latestKnownAtMs: newest.sessions[0]?.requestTimeMs ?? 0,
    onChange(isSuspect, offsetMs) {
      if (isSuspect) {
        log.warn({ event: 'clock-suspect', offsetMs }, clockFinding(offsetMs))
      } else {
        log.info({ event: 'clock-trusted', offsetMs }, 'sessions are ended and purged again')
      }
    },
  })
  guard.isSuspect()
  return guard
}

/** The message to operators about a suspect clock. */
export function clockFinding(offsetMs: number): string {
  const seconds = Math.round(offsetMs / 1000)
  return `the wall clock is off by ${seconds} s: no session is ended or purged until it is right again, or until you run \`sessiond clock confirm\``
}
