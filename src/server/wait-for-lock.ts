import { StoreLockedError } from '../core/errors.js'

const POLL_INTERVAL_MS = 100
const TELL_INTERVAL_MS = 30_000

export interface WaitForLockPorts {
  sleep(ms: number): Promise<void>
  /** Called when the wait begins, and at intervals. */
  onWaiting(waitedMs: number): void
}

/**
 * Opens a store. While another process has it, tries again for `waitMs` (Infinity: forever), then throws
 * StoreLockedError.
 */
export async function waitForLock<T>(
  open: () => Promise<T>,
  waitMs: number,
  { sleep, onWaiting }: WaitForLockPorts,
): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += POLL_INTERVAL_MS) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof StoreLockedError) || waitedMs >= waitMs) {
        throw error
      }
    }
    if (waitedMs % TELL_INTERVAL_MS === 0) {
      onWaiting(waitedMs)
    }
    await sleep(POLL_INTERVAL_MS)
  }
}
