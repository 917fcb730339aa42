import { SessiondError } from '../core/errors.js'
import type { CutCalls } from '../net/lifecycle.js'
import { startTimer } from '../net/timers.js'
import { logDependencyOutput } from '../observability/dependency-output.js'
import type { Logger } from '../observability/log.js'

const UNEXPECTED_EXIT_CODE = 1
const FORCED_EXIT_CODE = 6
/** How long closing the store may take, once no call is waited for. */
const CLOSE_TIMEOUT_MS = 5_000

/** A program that serves until it is told to stop. */
export interface Service {
  /** Lets running calls finish, unless `force` is aborted. Returns the calls that were cut. */
  close(force: AbortSignal): Promise<CutCalls>
}

export interface ServiceOptions<S extends Service> {
  /** A signal of the process aborts `stop`. An AbortError then counts as a clean end. */
  readonly start: (stop: AbortSignal) => Promise<S>
  readonly onStarted: (service: S) => void
  /** How long `close` may wait for running calls. */
  readonly closeMs: number
  readonly log: Logger
}

/**
 * Runs a service until SIGTERM or SIGINT, then ends the process: with exit code 0, or with 6 if calls were cut. A second
 * signal cuts them at once. An uncaught error ends the process with 1. Meanwhile all output of dependencies goes to the
 * log.
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

  /** Ends the process even if something hangs. */
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
  // By default Node opens a debugger port, where anyone on the machine could read the keys.
  process.on('SIGUSR1', () => {})
  const onUnexpected = async (err: unknown) => {
    // First, so that the process ends whatever fails below.
    exitWithin(CLOSE_TIMEOUT_MS)
    log.error({ event: 'unexpected-error', err }, 'closing the store and exiting')
    await service?.close(AbortSignal.abort()).catch(() => {})
    process.exit(UNEXPECTED_EXIT_CODE)
  }
  process.on('uncaughtException', onUnexpected)
  // Errors that callers cause are caught where their request is answered. A rejection that reaches this point means
  // that a part of the server has stopped, such as the store's writer: a restart is better than going on.
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

/** Runs `use` with a signal that SIGINT and SIGTERM abort, so that it can clean up. */
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
