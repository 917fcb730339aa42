import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.js'
import type { CheckEvent } from '../core/care.js'
import { SessiondError, StoreDamagedError } from '../core/errors.js'
import type { Repaired } from './repair.js'

/** The built program, from the sources as well as from the package. */
const PROGRAM = fileURLToPath(new URL('../../dist/programs/apart-main.js', import.meta.url))

/** What is done apart. */
export type Work =
  | { readonly kind: 'check'; readonly config: Config }
  | { readonly kind: 'repair'; readonly config: Config; readonly isDry: boolean }

/** What the other process says. */
export type Report =
  | { readonly event: CheckEvent }
  | { readonly line: string }
  | { readonly repaired: Repaired }
  | { readonly error: { readonly code?: string; readonly message: string } }
  | { readonly isDone: true }

/** An error of the other process, as far as it is one of ours. */
class ApartError extends SessiondError {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/**
 * Works on a store in a process of its own: damage can make LevelDB end the process that reads it. What SIGINT or SIGTERM
 * asks of this process it asks of that one. Throws its errors, and StoreDamagedError where it ended without one.
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
  let isClosed = false
  child.on('message', (report: Report) => {
    reports.push(report)
    wake()
  })
  const closed = once(child, 'close').then(([code, signal]) => {
    isClosed = true
    wake()
    return { code, signal }
  })
  // LevelDB says there where in its own source it gave up, which is of no use to operators.
  child.stderr?.resume()
  child.send(work)
  try {
    for (;;) {
      const report = reports.shift()
      if (report === undefined) {
        if (isClosed) {
          throw ended(await closed)
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
      }
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    child.kill()
    await closed
  }
}

function ended({ code, signal }: { code: number | null; signal: string | null }): Error {
  if (signal === null) {
    return new Error(`the process that works on the store ended with exit code ${code}`)
  }
  return new StoreDamagedError(
    `the process that read the store ended (${signal}): the store holds damage that LevelDB ` +
      'does not survive; `sessiond repair` reads it without LevelDB',
  )
}
