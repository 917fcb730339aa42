/** A timer of Node fires at once when its delay is longer (24.8 days). */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** Calls `run` after a delay. The function returned cancels that. */
export type After = (delayMs: number, run: () => void) => () => void

/** `After` for a delay of any length, Infinity too. Keeps the process alive. */
export const startTimer: After = (delayMs, run) => {
  let timer: ReturnType<typeof setTimeout>
  const wait = (leftMs: number) => {
    timer =
      leftMs > MAX_TIMER_MS
        ? setTimeout(() => wait(leftMs - MAX_TIMER_MS), MAX_TIMER_MS)
        : setTimeout(run, leftMs)
  }
  wait(delayMs)
  return () => clearTimeout(timer)
}

/** Resolves after a delay of any length. Throws the signal's reason when that is aborted. */
export async function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  let end = () => {}
  const over = new Promise<void>((resolve) => {
    end = resolve
  })
  const stop = startTimer(delayMs, end)
  signal?.addEventListener('abort', end, { once: true })
  if (!signal?.aborted) {
    await over
  }
  stop()
  signal?.removeEventListener('abort', end)
  signal?.throwIfAborted()
}
