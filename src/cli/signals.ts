import { SessiondError } from '../core/errors.js'
import type { CutCalls } from '../net/lifecycle.js'
import { startTimer } from '../net/timers.js'
import { logDependencyOutput } from '../observability/dependency-output.js'
import type { Logger } from '../observability/log.js'

const UNEXPECTED_EXIT_CODE = 1
const FORCED_EXIT_CODE = 6
/** How long the end may take once nobody is waited for: the store is closed then. */
const CLOSE_TIMEOUT_MS = 5_000

/** A program that serves until it is told to stop. */
export interface Service {
  /** Lets what is under way finish, unless `force` is aborted. Returns what was cut. */
  close(force: AbortSignal): Promise<CutCalls>
}

export interface ServiceOptions<S extends Service> {
  /** A signal aborts `stop`; an AbortError is then taken for the end. */
  readonly start: (stop: AbortSignal) => Promise<S>
  readonly onStarted: (service: S) => void
  /** How long `close` may take for what is under way. */
  readonly closeMs: number
  readonly log: Logger
}

/**
 * Runs a service until SIGTERM or SIGINT, then ends the process: with exit code 0 where nothing had to be cut, else
 * with 6. A second signal cuts at once. An error that nobody caught ends it too, with 1. Whatever is printed meanwhile
 * goes to the log.
 */
export async function serveUntilSignal<S extends Service>(
  options: ServiceOptions<S>,
): Promise<void> {
  const { start, onStarted, closeMs, log } = options
  logDependencyOutput(log)
  const stop = new AbortController()
  const force = new AbortController()
  let service: S | undefined
  let stopWatchdog = () => {}

  /** Whatever hangs, the process ends. */
  const exitWithin = (ms: number) => {
    stopWatchdog()
    stopWatchdog = startTimer(ms, () => {
      log.error({ event: 'stop-hangs' }, 'it does not come to an end: exiting')
      process.exit(FORCED_EXIT_CODE)
    })
  }

  const onSignal = (signal: NodeJS.Signals) => {
    if (!stop.signal.aborted) {
      log.info({ event: 'stopping', signal }, 'finishing calls under way')
      exitWithin(closeMs + CLOSE_TIMEOUT_MS)
      stop.abort()
    } else if (!force.signal.aborted) {
      log.warn({ event: 'forcing', signal }, 'cutting calls under way')
      exitWithin(CLOSE_TIMEOUT_MS)
      force.abort()
    }
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // Node would open a port for debuggers, which anyone on the machine may connect to and read the keys.
  process.on('SIGUSR1', () => {})
  const onUnexpected = async (err: unknown) => {
    // First of all: whatever fails here, the process ends.
    exitWithin(CLOSE_TIMEOUT_MS)
    log.error({ event: 'unexpected-error', err }, 'closing the store and exiting')
    await service?.close(AbortSignal.abort()).catch(() => {})
    process.exit(UNEXPECTED_EXIT_CODE)
  }
  process.on('uncaughtException', onUnexpected)
  // What callers bring about is caught where their request is answered. A promise that comes here is of a part of
  // the server that has stopped working, such as the writer of the store: going on would be worse than a restart.
  process.on('unhandledRejection', onUnexpected)

  try {
    service = await start(stop.signal)
  } catch (error) {
    stopWatchdog()
    if (!stop.signal.aborted || (error as Error | null)?.name !== 'AbortError') {
      throw error
    }
    log.info({ event: 'stopped' }, 'stopped before it was started')
    process.exit(0)
  }
  onStarted(service)
  await aborted(stop.signal)
  const cut = await service.close(force.signal).catch((err) => {
    log.error({ event: 'stop-failed', err }, 'not everything was closed as it should be')
    process.exit(UNEXPECTED_EXIT_CODE)
  })
  if (Object.keys(cut).length > 0 || force.signal.aborted) {
    log.warn({ event: 'stopped-by-force', cut }, 'stopped; what was under way had to be cut')
    process.exit(FORCED_EXIT_CODE)
  }
  log.info({ event: 'stopped' }, 'stopped')
  process.exit(0)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
    }
    signal.addEventListener('abort', () => resolve())
  })
}

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
