import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/serve-options.js'
import { SessiondError, StoreDamagedError, StoreUnavailableError } from '../core/errors.js'
import type { CheckEvent } from '../core/upkeep/care.js'
import type { Repaired } from './repair.js'

/** The built program, from the sources as well as from the package. */
const PROGRAM = fileURLToPath(new URL('../../dist/offline/apart-main.js', import.meta.url))

/** The other process waits after so many reports until they are taken. */
export const WINDOW = 256

/** How LevelDB ends a process whose store is damaged: by a failed assertion, or by reading what is not there. */
const DAMAGE_SIGNALS: readonly (string | null)[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL']
/** What V8 says before it aborts, and how much may follow. */
const OUT_OF_MEMORY = 'heap out of memory'
const TAIL_CHARS = 64 * 1024

/** What is done apart. */
export type Work =
  | { readonly kind: 'check'; readonly config: Config }
  | { readonly kind: 'repair'; readonly config: Config; readonly isDry: boolean }

/** What the other process says. */
export type Report =
  | { readonly event: CheckEvent }
  | { readonly line: string }
  | { readonly repaired: Repaired }
  | { readonly error: { readonly code?: SessiondError['code']; readonly message: string } }
  | { readonly isDone: true }

/** An error of the other process, as far as it is one of ours. */
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
  /** It was not begun, or could not be spoken to. */
  readonly cause?: Error
  /** V8 gave up. */
  readonly isOutOfMemory: boolean
}

/**
 * Works on a store in a process of its own: damage can make LevelDB end the process that reads it. What SIGINT or SIGTERM
 * asks of this process it asks of that one. Throws its errors, StoreDamagedError where LevelDB ended it, and
 * StoreUnavailableError where it was not begun, or something else ended it.
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

/** Resolves once the process is no more. */
function endOf(child: ChildProcess): Promise<End> {
  // LevelDB says there where in its own source it gave up, which is of no use to operators.
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
      // Of one that was not begun nothing else is heard.
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
