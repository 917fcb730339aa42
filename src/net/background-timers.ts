import type { After } from './timers.js'

/** Calls `run` at intervals, until the function returned is called. */
export type Every = (intervalMs: number, run: () => void) => () => void

/** A timer that keeps no process alive. */
export const backgroundTimer: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs).unref()
  return () => clearTimeout(timer)
}

/** An interval that keeps no process alive. */
export const backgroundInterval: Every = (intervalMs, run) => {
  const timer = setInterval(run, intervalMs).unref()
  return () => clearInterval(timer)
}
