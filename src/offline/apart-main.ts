import { once } from 'node:events'
import { SessiondError } from '../core/errors.js'
import { type Report, WINDOW, type Work } from './apart.js'
import { checkDataDir } from './check.js'
import { repairDataDir } from './repair.js'

// The child process of apart.ts: receives its work from it, and reports back.

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // It may arrive twice: a terminal signals this process as well.
  process.on(signal, () => stopping.abort(new Interrupted(`ended by ${signal}`)))
}
// Nobody is left to report to.
process.once('disconnect', () => stopping.abort(new Interrupted('ended')))
process.once('message', async (work: Work) => {
  try {
    await run(work)
    await report({ isDone: true })
  } catch (error) {
    const { message } = error as Error
    const code = error instanceof SessiondError ? { code: error.code } : {}
    await report({ error: { ...code, message } })
  }
  process.disconnect?.()
})

class Interrupted extends SessiondError {
  readonly code = 'INTERRUPTED'
}

async function run(work: Work): Promise<void> {
  if (work.kind === 'check') {
    for await (const event of checkDataDir(work.config)) {
      stopping.signal.throwIfAborted()
      await tell({ event })
    }
    return
  }
  const repaired = await repairDataDir(work.config, {
    isDry: work.isDry,
    onLine: (line) => tell({ line }),
    signal: stopping.signal,
  })
  await report({ repaired })
}

let told = 0

/** Sends one of many reports. Waits every WINDOW reports until the parent has taken them. */
async function tell(what: Report): Promise<void> {
  const { signal } = stopping
  const taken = ++told % WINDOW === 0 ? once(process, 'message', { signal }) : null
  await Promise.all([report(what), taken]).catch((error) => {
    signal.throwIfAborted()
    throw error
  })
}

function report(what: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) {
      process.send?.(what, () => resolve())
    } else {
      resolve()
    }
  })
}
