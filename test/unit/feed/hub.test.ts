import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Session } from '../../../src/core/session.js'
import type { SessionStore } from '../../../src/core/store.js'
import type { ListQuery } from '../../../src/core/store-lists.js'
import { FeedHub } from '../../../src/feed/hub.js'
import { fakeViewer, handTimers } from '../../support/feed.js'
import { commandSession } from '../../support/store-sessions.js'

const MAX_SESSIONS = 100

it('where events were missed, no more sessions are read again than may be listed', async () => {
  const sessions: Session[] = []
  const open = (count: number) => {
    for (let i = 0; i < count; i++) {
      const id = `${sessions.length}`
      sessions.unshift(commandSession(id, { requestTimeMs: sessions.length }))
    }
  }
  let miss = () => {}
  let read = 0
  const store = {
    subscribe(_: unknown, onMissed: () => void) {
      miss = onMissed
      return () => {}
    },
    async list({ take, toTimeMs = Number.POSITIVE_INFINITY }: ListQuery) {
      const older = sessions.filter(({ requestTimeMs }) => requestTimeMs < toTimeMs)
      const page = older.slice(0, take)
      read += page.length
      return { sessions: page, total: null }
    },
  }
  const timers = handTimers()
  const hub = new FeedHub(store as unknown as SessionStore, {
    maxSessions: MAX_SESSIONS,
    onError: (error) => expect.fail(`${error}`),
    after: timers.after,
    nowMs: timers.nowMs,
  })
  open(MAX_SESSIONS)
  await hub.load()
  const viewer = fakeViewer(hub)
  open(5_000)
  miss()
  read = 0
  timers.refill()
  let most = 0
  for (let i = 0; i < 500; i++) {
    timers.turn()
    viewer.read()
    await setImmediate()
    most = Math.max(most, hub.size)
  }
  expect(read).toBeLessThanOrEqual(500)
  expect(most).toBeLessThanOrEqual(3 * MAX_SESSIONS)
  const newest = sessions.slice(0, MAX_SESSIONS).map(({ id }) => id)
  expect([...viewer.client.sessions.keys()].sort()).toEqual(newest.sort())
  hub.close()
})
