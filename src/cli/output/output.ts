import { setImmediate } from 'node:timers/promises'

let isWatched = false
let failure: NodeJS.ErrnoException | null = null
const ended = new AbortController()

/** Aborted when standard output takes nothing more: its reader has left, as `head` does, or its disk is full. */
export const outputEnded: AbortSignal = ended.signal

/**
 * Lets a command finish its work when its output fails: without a listener, the error of a stream would end the process
 * at once. Not for servers, because it makes a pipe at standard output non-blocking, which their log relies on.
 */
export function watchOutput(): void {
  if (isWatched) {
    return
  }
  isWatched = true
  process.stdout.on('error', (error) => {
    failure ??= error
    ended.abort()
  })
  process.stderr.on('error', () => {})
}

/** Waits until standard output has everything. Returns why it does not, or null. */
export async function flushOutput(): Promise<NodeJS.ErrnoException | null> {
  watchOutput()
  await new Promise<unknown>((resolve) => process.stdout.write('', resolve))
  // The event comes after the callback.
  await setImmediate()
  return failure
}
