import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { EndingsFeed, HEARTBEAT_MS } from '../../../../src/core/endings/endings-feed.js'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import type { SessionEnding } from '../../../../src/core/session.js'
import type { EndingsPage } from '../../../../src/core/store.js'
import { ManualTimers } from '../../../support/manual-timers.js'

const PAGE = 2

/** A feed over endings of which a page has two, each as of when it was asked for, and given when the test says so. */
function setUp() {
  const timers = new ManualTimers(1_000_000)
  const ended: SessionEnding[] = []
  const asked = new Map<number, { give: () => void; fail: () => void }>()
  const endings = (cursor: Uint8Array) => {
    const from = cursor[0] ?? 0
    const page: EndingsPage = {
      endings: ended.slice(from, from + PAGE),
      cursor: Uint8Array.of(Math.min(from + PAGE, ended.length)),
      isFull: false,
      hasMore: from + PAGE < ended.length,
    }
    return new Promise<EndingsPage>((resolve, reject) => {
      asked.set(from, {
        give: () => resolve(page),
        fail: () => reject(new StoreUnavailableError('away')),
      })
    })
  }
  const live: string[] = []
  const feed = new EndingsFeed(
    {
      store: { endings, subscribe: () => () => {} },
      nowMs: timers.nowMs,
      after: timers.after,
      onFailure: () => {},
    },
    (told) => live.push(...told.endings.map(({ id }) => id)),
  )
  const settle = async (from: number, how: 'give' | 'fail') => {
    await setImmediate()
    asked.get(from)?.[how]()
    await setImmediate()
  }
  return {
    timers,
    live,
    end: (id: string) => ended.push({ id, endTimeMs: 1, reason: 'closed', exp: 2n }),
    give: (from: number) => settle(from, 'give'),
    fail: (from: number) => settle(from, 'fail'),
    /** What a follower is told as it joins. */
    join(from: number) {
      const told: string[] = []
      const joined = feed
        .join(Uint8Array.of(from), (rest) => told.push(...rest.endings.map(({ id }) => id)))
        .catch((error: Error) => error)
      return { told, joined }
    },
  }
}

it('a follower misses nothing that another was told, also where the first could not be let in', async () => {
  const { timers, live, end, give, fail, join } = setUp()
  for (const id of ['a', 'b', 'c']) {
    end(id)
  }
  const first = join(3)
  // These wait for it.
  const behind = join(0)
  const latest = join(3)
  await fail(3)
  expect(await first.joined).toEqual(new StoreUnavailableError('away'))
  await setImmediate()
  end('d')
  await give(0)
  await give(2)
  await give(3)
  timers.advance(HEARTBEAT_MS)
  await give(4)
  expect(behind.told).toEqual(['a', 'b', 'c', 'd'])
  expect([...latest.told, ...live]).toEqual(['d'])
})
