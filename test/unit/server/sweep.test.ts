import { expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../src/core/errors.js'
import { Lifecycle } from '../../../src/net/lifecycle.js'
import type { Logger } from '../../../src/observability/log.js'
import type { Metrics } from '../../../src/observability/metrics.js'
import { startSweep } from '../../../src/server/sweep.js'
import { MemoryStore } from '../../support/memory-store.js'
import { BROWSER, HOUR_MS, sessionsAt } from '../../support/sessions.js'

/** A store whose first look at the deadlines lasts until `goOn` is called. */
class SlowStore extends MemoryStore {
  goOn: (failure?: Error) => void = () => {}
  private readonly waiting = new Promise<void>((resolve, reject) => {
    this.goOn = (failure) => (failure === undefined ? resolve() : reject(failure))
  })

  override async due(timeMs: number, limit: number) {
    await this.waiting
    return super.due(timeMs, limit)
  }
}

/** A server's sweep whose intervals the test passes, with one session that is due. */
async function sweeping() {
  const store = new SlowStore()
  const { sessions, time } = sessionsAt({}, store)
  await sessions.open(BROWSER)
  time.nowMs += HOUR_MS
  const told: unknown[] = []
  const log = (fields: { readonly event: string }) => void told.push(fields)
  let pass = () => {}
  const lifecycle = new Lifecycle()
  startSweep(
    {
      metrics: {
        sweepEnded: () => told.push('timed'),
        sweepFailed: () => told.push('failure'),
      } as unknown as Metrics,
      log: { info: log, error: log } as unknown as Logger,
      lifecycle,
    },
    sessions,
    (_, run) => {
      pass = run
      return () => {}
    },
  )
  return { store, told, pass: () => pass(), close: () => lifecycle.close(0) }
}

it('a sweep that lasts longer than an interval is told of once', async () => {
  const { store, told, pass, close } = await sweeping()
  pass()
  pass()
  pass()
  store.goOn()
  await close()
  expect(told).toEqual(['timed', { event: 'swept', ended: 1, purged: 0 }])
})

it('a sweep that fails after more than an interval is told of once', async () => {
  const { store, told, pass, close } = await sweeping()
  const err = new StoreUnavailableError('a test')
  pass()
  pass()
  store.goOn(err)
  await close()
  expect(told).toEqual(['failure', { event: 'sweep-failed', err }])
})
