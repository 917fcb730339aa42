import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/serve-options.js'
import { SessiondError, StoreDamagedError, StoreUnavailableError } from '../core/errors.js'
import type { CheckEvent } from '../core/upkeep/care.js'
import type { Repaired } from './repair.js'

/** The compiled program: the same path works from the sources and from the package. */
const PROGRAM = fileURLToPath(new URL('../../dist/offline/apart-main.js', import.meta.url))

/** The child waits after this many reports until the parent has taken them. */
export const WINDOW = 256

/** How damage makes LevelDB end its process: by a failed assertion, or by an invalid read. */
const DAMAGE_SIGNALS: readonly (string | null)[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL']
/** V8's last words before it aborts, and the most text that may follow them. */
const OUT_OF_MEMORY = 'heap out of memory'
const TAIL_CHARS = 64 * 1024

/** What the child is asked to do. */
export type Work =
  | { readonly kind: 'check'; readonly config: Config }
  | { readonly kind: 'repair'; readonly config: Config; readonly isDry: boolean }

/** What the child sends. */
export type Report =
  | { readonly event: CheckEvent }
  | { readonly line: string }
  | { readonly repaired: Repaired }
  | { readonly error: { readonly code?: SessiondError['code']; readonly message: string } }
  | { readonly isDone: true }

/** An error of this project's that the child threw. */
class ApartError extends SessiondError {
  constructor(
    readonly code: SessiondError['code'],
    message: string,
  ) {
    super(message)
  }
}

interface End {
  readonly code?: number | null
  readonly signal?: string | null
  /** The child did not start, or the channel to it failed. */
  readonly cause?: Error
  /** V8 ran out of memory. */
  readonly isOutOfMemory: boolean
}

/**
 * Works on a store in a child process, since damage can make LevelDB end the process that reads it. Forwards SIGINT and
 * SIGTERM to the child. Throws the child's errors, StoreDamagedError if LevelDB ended it, and StoreUnavailableError if
 * it did not start or was ended by anything else.
 */
export async function* apart(work: Work): AsyncGenerator<Report, void> {
  const child = fork(PROGRAM, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const stop = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const reports: Report[] = []
  let wake = () => {}
  child.on('message', (report: Report) => {
    reports.push(report)
    wake()
  })
  let end: End | undefined
  const closed = endOf(child).then((how) => {
    end = how
    wake()
  })
  if (child.pid !== undefined) {
    child.send(work)
  }
  try {
    for (let taken = 0; ; ) {
      const report = reports.shift()
      if (report === undefined) {
        if (end !== undefined) {
          throw ended(end)
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else if ('error' in report) {
        const { code, message } = report.error
        throw code === undefined ? new Error(message) : new ApartError(code, message)
      } else if ('isDone' in report) {
        return
      } else {
        yield report
        if (++taken % WINDOW === 0 && child.connected) {
          child.send('go on')
        }
      }
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    child.kill()
    await closed
  }
}

/** Resolves once the process has ended. */
function endOf(child: ChildProcess): Promise<End> {
  // Kept from operators: LevelDB names a line of its own source there.
  let tail = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = `${tail}${text}`.slice(-TAIL_CHARS)
  })
  return new Promise((resolve) => {
    let cause: Error | undefined
    const settle = (end: Pick<End, 'code' | 'signal'>) =>
      resolve({ ...end, ...(cause && { cause }), isOutOfMemory: tail.includes(OUT_OF_MEMORY) })
    child.once('close', (code, signal) => settle({ code, signal }))
    child.on('error', (error) => {
      cause ??= error
      // A process that did not start emits no `close`.
      if (child.pid === undefined) {
        settle({})
      } else {
        child.kill()
      }
    })
  })
}

function ended({ code, signal, cause, isOutOfMemory }: End): Error {
  if (DAMAGE_SIGNALS.includes(signal ?? null) && !isOutOfMemory) {
    return new StoreDamagedError(
      `the process that read the store ended (${signal}): the store holds damage that LevelDB ` +
        'does not survive; `sessiond repair` reads it without LevelDB',
    )
  }
  const how = [
    ...(signal ? [`was ended by ${signal}`] : []),
    ...(signal || cause ? [] : [`ended with exit code ${code}`]),
    ...(isOutOfMemory ? ['it ran out of memory'] : []),
    ...(cause ? [`failed: ${cause.message}`] : []),
  ]
  return new StoreUnavailableError(`the process that works on it ${how.join(': ')}`, cause)
}
