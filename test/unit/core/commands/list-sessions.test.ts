import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { BROWSER, HOUR_MS, sessionsAt } from '../../../support/sessions.js'

/** A store that reads, and refuses all writes from now on, as where the disk is full. */
function refuseWrites(store: MemoryStore): void {
  const refuse = async () => {
    throw new StoreUnavailableError('the disk is full')
  }
  Object.assign(store, { insert: refuse, update: refuse, remove: refuse, settle: refuse })
}

/** So many idle sessions, and as many newer ones with a request in the meantime; nothing can be written any more. */
async function withIdle(idle: number, busy: number) {
  const store = new MemoryStore()
  const fixture = sessionsAt({}, store)
  const open = (name: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        fixture.sessions.open({ ...BROWSER, client: `${name} ${i}` }),
      ),
    )
  const { length } = await open('idle', idle)
  fixture.time.nowMs += HOUR_MS
  await open('busy', busy)
  expect(length).toBe(idle)
  refuseWrites(store)
  return fixture
}

describe('a list while nothing can be written', () => {
  it('shows a session past its end as ended', async () => {
    const { sessions } = await withIdle(1, 1)
    const { sessions: listed } = await sessions.list({ userId: 'u1' })
    expect(listed.map(({ client, active }) => [client, active])).toEqual([
      ['busy 0', true],
      ['idle 0', false],
    ])
  })

  it('passes over sessions past their end where open ones are asked for', async () => {
    const { sessions } = await withIdle(2, 150)
    const query = { userId: 'u1', active: true, total: true }
    const first = await sessions.list(query)
    expect([first.sessions.length, first.total]).toEqual([100, 152])
    const second = await sessions.list({ ...query, skip: 100 })
    expect([second.sessions.length, second.total]).toEqual([50, 150])
    expect(second.sessions.every(({ active }) => active)).toBe(true)
    expect((await sessions.list({ ...query, skip: 150 })).sessions).toEqual([])
    expect((await sessions.list({ ...query, skip: 149, total: false })).total).toBeNull()
  })

  it('says that it cannot where too many are past their end', async () => {
    const { sessions } = await withIdle(1100, 0)
    await expect(sessions.list({ userId: 'u1', active: true })).rejects.toThrow(
      StoreUnavailableError,
    )
  })

  it('of a search shows what matches', async () => {
    const { search } = await withIdle(1, 1)
    const found = await search.page({
      ...{ filter: { user: 'u1', active: true }, sort: 'request', oldestFirst: false, limit: 10 },
    })
    expect(found.sessions.map(({ client }) => client)).toEqual(['busy 0'])
  })
})
