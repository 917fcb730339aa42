import { OutputError } from '../core/errors.js'

const ended = new AbortController()

/** Aborted when standard output takes nothing more: its reader has left, as `head` does, or its disk is full. */
export const outputEnded: AbortSignal = ended.signal

/**
 * Lets a command finish its work when its output fails: without a listener, the error of a stream would end the process
 * at once. Not for servers, because it makes a pipe at standard output non-blocking, which their log relies on.
 */
export function watchOutput(): void {
  process.stdout.on('error', () => ended.abort())
  process.stderr.on('error', () => {})
}

/** Waits until standard output has everything. Throws OutputError, but not if the reader has left: that is its right. */
export async function flushOutput(): Promise<void> {
  const { stdout } = process
  await new Promise<unknown>((resolve) => stdout.write('', resolve))
  const error: NodeJS.ErrnoException | null = stdout.errored
  if (error !== null && error.code !== 'EPIPE') {
    throw new OutputError(error)
  }
}

/** Whether an error is only about standard output, of which `flushOutput` tells. */
export function isOutputFailure(error: Error): boolean {
  return process.stdout.errored !== null && error.cause === process.stdout.errored
}
