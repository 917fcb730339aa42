import { SessiondError } from '../core/errors.js'

/** The operator stopped the command. */
class InterruptedError extends SessiondError {
  readonly code = 'INTERRUPTED'
}

/** Runs `use` with a signal that SIGINT and SIGTERM abort, so that it can clear away what it began. */
export async function interruptible<T>(use: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals) =>
    stopping.abort(new InterruptedError(`ended by ${signal}`))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    return await use(stopping.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
