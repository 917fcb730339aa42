import { describe, expect, it } from 'vitest'
import { InvalidFieldError } from '../../../../src/core/errors.js'
import { ownerText } from '../../../../src/core/owner-text.js'
import type { SearchFilter } from '../../../../src/core/search/query.js'
import {
  type FoundPage,
  type SearchArguments,
  type SearchCursor,
  SessionSearch,
} from '../../../../src/core/search/search.js'
import type { Session } from '../../../../src/core/session.js'
import type { AfterQuery, ListPart } from '../../../../src/core/store-lists.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'
import { commandSession, ended, insert, tokenSession } from '../../../support/store-sessions.js'

const ALICE = new TextEncoder().encode('alice')
const MAX_LOOKS = 200
const DAY_MS = 24 * HOUR_MS
/** Before a walk looks again for what moved meanwhile. */
const LAST_MS = START_MS - 60_000
const token = (id: string, more: Partial<Session> = {}) => {
  const session = tokenSession(id, { userId: ownerText(ALICE), ...more })
  const exp = BigInt(Math.floor((START_MS + DAY_MS) / 1000))
  return {
    ...session,
    token: session.token && { ...session.token, owner: ALICE, lifetime: { exp, nbf: 0n, iat: 0n } },
  }
}

/** A store that runs `between` before each part of a list. */
class BusyStore extends MemoryStore {
  between: (query: AfterQuery) => Promise<void> = async () => {}
  override async listAfter(query: AfterQuery): Promise<ListPart> {
    await this.between(query)
    return super.listAfter(query)
  }
}

async function searching(sessions: readonly Session[] = []) {
  const store = new BusyStore()
  const at = sessionsAt({ idleTimeoutMs: 0 }, store)
  await Promise.all(sessions.map((session) => insert(store, session)))
  const search = new SessionSearch(at.ports, MAX_LOOKS)
  const page = (
    filter: SearchFilter = {},
    more: Partial<SearchArguments> = {},
    searching = search,
  ) => searching.page({ filter, sort: 'request', oldestFirst: false, limit: 100, ...more })
  /** All pages. */
  const all = async (
    filter: SearchFilter = {},
    more: Partial<SearchArguments> = {},
    searching = search,
  ) => {
    const pages: FoundPage[] = []
    let cursor: SearchCursor | null | undefined
    do {
      const next = await page(filter, { ...more, ...(cursor && { cursor }) }, searching)
      pages.push(next)
      cursor = next.next
    } while (cursor !== null)
    return pages
  }
  return { ...at, search, store, page, all }
}

const idsOf = (pages: FoundPage | readonly FoundPage[]) =>
  [pages].flat().flatMap(({ sessions }) => sessions.map(({ id }) => id))

/** `count` sessions, the first with the newest request. */
const many = (count: number, of: (i: number) => Partial<Session> = () => ({})) =>
  Array.from({ length: count }, (_, i) =>
    commandSession(`${i}`.padStart(5, '0'), {
      openTimeMs: LAST_MS - i,
      requestTimeMs: LAST_MS - i,
      ...of(i),
    }),
  )

describe('a search', () => {
  const SESSIONS = [
    commandSession('a', { userId: 'alice', requestTimeMs: LAST_MS - 1, address: '10.0.0.1' }),
    token('b', { requestTimeMs: LAST_MS - 2, client: 'Curl/8' }),
    ended(commandSession('c', { userId: 'bob', userName: 'Alice B.', requestTimeMs: LAST_MS - 3 })),
    commandSession('d-alice', { userId: 'carol', requestTimeMs: LAST_MS - 4 }),
    ended(token('e', { requestTimeMs: LAST_MS - 5 })),
    commandSession('carol', { userId: 'dave', requestTimeMs: LAST_MS - 6 }),
  ]

  it.each<[string, SearchFilter, string[]]>([
    ['all', {}, ['a', 'b', 'c', 'd-alice', 'e', 'carol']],
    ['open ones', { active: true }, ['a', 'b', 'd-alice', 'carol']],
    ['ended ones', { active: false }, ['c', 'e']],
    ['token sessions', { kind: 'token' }, ['b', 'e']],
    ['those of commands', { kind: 'command' }, ['a', 'c', 'd-alice', 'carol']],
    ['a user and the owner of that name', { user: 'alice' }, ['a', 'b', 'e']],
    ['an owner by its name', { owner: 'alice' }, ['b', 'e']],
    ['an owner in hex', { owner: 'hex:616c696365' }, ['b', 'e']],
    ['an owner in base58', { owner: `base58:${ownerText(ALICE)}` }, ['b', 'e']],
    ['a user by the id of the owner', { user: ownerText(ALICE) }, ['b', 'e']],
    ['a user who is that owner', { user: 'alice', owner: 'alice' }, ['b', 'e']],
    ['a user who is another owner', { user: 'alice', owner: 'bob' }, []],
    ['an address', { address: '10.0.0.1' }, ['a']],
    ['an address, in full', { address: '10.0.0' }, []],
    ['a client', { client: 'Curl/8' }, ['b']],
    ['a client, in full', { client: 'Curl' }, []],
    ['part of a client, in any case', { text: 'cURL' }, ['b']],
    ['part of an address', { text: '0.0.0.1' }, ['a']],
    [
      'a user first, then whatever has that in it',
      { text: 'alice' },
      ['a', 'b', 'e', 'c', 'd-alice', 'carol'],
    ],
    ['a session first, then a user, then the rest', { text: 'carol' }, ['carol', 'd-alice']],
    ['the name of an owner', { text: 'LICE', kind: 'token' }, ['b', 'e']],
    ['what is like no owner', { text: 'hex:zz' }, []],
    [
      'by all conditions at once',
      { text: 'a', kind: 'command', active: false, user: 'bob' },
      ['c'],
    ],
    ['nothing', { text: 'nobody' }, []],
  ])('finds %s', async (_, filter, expected) => {
    const { page } = await searching(SESSIONS)
    const found = await page(filter)
    expect(idsOf(found)).toEqual(expected)
    expect(found).toMatchObject({ next: null, hasStopped: false, total: expected.length })
  })

  it.each<[string, string, SearchFilter]>([
    ['user', 'not hexadecimal', { user: 'hex:zz' }],
    ['owner', 'not hexadecimal', { owner: 'hex:zz' }],
    ['owner', 'too long', { owner: 'x'.repeat(65) }],
    ['text', 'too long', { text: 'x'.repeat(257) }],
    ['user', 'too long', { user: 'x'.repeat(257) }],
    ['address', 'too long', { address: 'x'.repeat(257) }],
    ['client', 'too long', { client: 'x'.repeat(1025) }],
  ])('refuses the %s if it is %s', async (field, _, filter) => {
    const { page } = await searching()
    const problem = await Promise.resolve()
      .then(() => page(filter))
      .catch((error: unknown) => error)
    expect(problem).toBeInstanceOf(InvalidFieldError)
    expect(problem).toMatchObject({ field })
  })

  it('gives the oldest request first where that is wanted', async () => {
    const { all } = await searching(SESSIONS)
    const pages = await all({}, { oldestFirst: true, limit: 4 })
    expect(idsOf(pages)).toEqual(['carol', 'e', 'd-alice', 'c', 'b', 'a'])
  })

  it('goes on where its page ended, each session once', async () => {
    const { all } = await searching(SESSIONS)
    for (const [filter, limit] of [
      [{}, 1],
      [{}, 4],
      [{ text: 'alice' }, 1],
      [{ text: 'alice' }, 2],
      [{ user: 'alice' }, 1],
    ] as const) {
      const whole = idsOf(await all(filter))
      expect(idsOf(await all(filter, { limit }))).toEqual(whole)
    }
  })

  it('shows a session past its end as ended', async () => {
    const { page, time } = await searching([token('t', { requestTimeMs: START_MS })])
    time.nowMs += 2 * DAY_MS
    expect(idsOf(await page({ active: true }))).toEqual([])
    const found = await page()
    expect(found.sessions).toMatchObject([
      { id: 't', active: false, ending: { reason: 'expired' } },
    ])
  })

  it('ends with its signal', async () => {
    const { search, store } = await searching(many(200))
    const gone = new AbortController()
    store.between = async () => gone.abort()
    const args = { filter: { text: 'x' }, sort: 'request', oldestFirst: false, limit: 1 } as const
    const outcome = search.page(args, gone.signal).catch((error: unknown) => error)
    expect(await outcome).toBe(gone.signal.reason)
    await expect(search.page(args, gone.signal)).rejects.toBe(gone.signal.reason)
  })
})

it('a search for two users has their sessions in one order, those of one time too', async () => {
  const of = (id: string, requestTimeMs: number) => commandSession(id, { requestTimeMs })
  const owned = (id: string, requestTimeMs: number) => token(id, { requestTimeMs })
  const sessions = [
    of('a', 9),
    owned('ab', 9),
    of('abc', 9),
    owned('b', 9),
    owned('d', 8),
    of('c', 7),
  ]
  const { all, page } = await searching(sessions)
  for (const limit of [1, 2, 3]) {
    const pages = await all({ user: 'alice' }, { limit })
    expect(idsOf(pages)).toEqual(['a', 'ab', 'abc', 'b', 'd', 'c'])
    const reversed = await all({ user: 'alice' }, { limit, oldestFirst: true })
    expect(idsOf(reversed)).toEqual(['c', 'd', 'b', 'abc', 'ab', 'a'])
    const none = await page({ user: 'alice', address: 'none' }, { limit })
    expect(none).toMatchObject({ lookedAt: 6, next: null })
  }
})

describe('a search that has far to go', () => {
  it('stops, says how far it came, and goes on from there', async () => {
    const { all } = await searching(many(500, (i) => (i === 490 ? { address: 'far' } : {})))
    const pages = await all({ address: 'far' })
    expect(pages.map(({ sessions }) => sessions.length)).toEqual([0, 0, 1])
    expect(pages[0]).toMatchObject({
      ...{ hasStopped: true, lookedAt: 200, reachedAtMs: LAST_MS - 199, total: null },
    })
    expect(pages[1]).toMatchObject({ lookedAt: 200, reachedAtMs: LAST_MS - 399 })
    expect(pages[2]).toMatchObject({ hasStopped: false, next: null, reachedAtMs: null })
  })

  it('finds a user and a session at once, wherever they are', async () => {
    const far = { userId: 'erin' }
    const { page } = await searching(many(500, (i) => (i > 490 ? far : {})))
    expect(await page({ user: 'erin' })).toMatchObject({ next: null, total: 9 })
    const byText = await page({ text: 'erin' }, { limit: 5 })
    expect(idsOf(byText)).toHaveLength(5)
    expect(byText.lookedAt).toBeLessThan(20)
    expect(idsOf(await page({ text: '00499' }, { limit: 1 }))).toEqual(['00499'])
  })

  it('does not miss a session that a request moves past it', async () => {
    const { all, store, time } = await searching(
      many(500, (i) => (i === 490 ? { address: 'far' } : {})),
    )
    let calls = 0
    store.between = async () => {
      if (++calls === 4) {
        time.nowMs += 60_000
        await store.update('00490', (session) => ({
          session: { ...session, requestTimeMs: time.nowMs },
        }))
      }
    }
    expect(idsOf(await all({ address: 'far' }))).toEqual(['00490'])
  })

  it('looks again for what a server whose clock is behind moved past it', async () => {
    const { all, ports, store } = await searching(
      many(300, (i) => (i === 290 ? { address: 'far' } : {})),
    )
    let calls = 0
    store.between = async () => {
      if (++calls === 2) {
        await store.update('00290', (session) => ({
          session: { ...session, requestTimeMs: START_MS - 4000 },
        }))
      }
    }
    const search = new SessionSearch({ ...ports, clockMarginMs: 5000 }, MAX_LOOKS)
    expect(idsOf(await all({ address: 'far' }, {}, search))).toEqual(['00290'])
  })

  it('shows the true total where that is known', async () => {
    const { page, store } = await searching(
      many(1500, (i) => ({ userId: i < 999 ? 'few' : 'bob' })),
    )
    expect(await page({ active: true }, { limit: 10 })).toMatchObject({ total: 1500 })
    expect(await page({}, { limit: 10 })).toMatchObject({ total: null })
    expect(await page({ user: 'few' }, { limit: 10 })).toMatchObject({ total: 999 })
    await insert(store, commandSession('one more', { userId: 'few' }))
    expect(await page({ user: 'few' }, { limit: 10 })).toMatchObject({ total: null })
    expect(await page({ user: 'bob', kind: 'token' }, { limit: 10 })).toMatchObject({ total: null })
  })
})

describe('a search sorted by another time', () => {
  const OPENED = [3, 1, 4, 2, 5]
  const SESSIONS = OPENED.map((age, i) => {
    const session = commandSession(`${age}`, {
      openTimeMs: START_MS - age * HOUR_MS,
      requestTimeMs: START_MS - i,
    })
    return age > 3 ? session : { ...ended(session), closeTimeMs: LAST_MS + age }
  })

  it.each([
    ['opened', false, ['1', '2', '3', '4', '5']],
    ['opened', true, ['5', '4', '3', '2', '1']],
    ['ended', false, ['3', '2', '1', '4', '5']],
    ['ended', true, ['1', '2', '3', '4', '5']],
  ] as const)(
    'has them in that order: %s, oldest first %s',
    async (sort, oldestFirst, expected) => {
      const { all } = await searching(SESSIONS)
      expect(idsOf(await all({}, { sort, oldestFirst }))).toEqual(expected)
      expect(idsOf(await all({}, { sort, oldestFirst, limit: 2 }))).toEqual(expected)
    },
  )

  it('sorts as many as it may look at, and goes on with the next', async () => {
    const reversed = (i: number) => ({ openTimeMs: START_MS - 10_000 + i })
    const { all } = await searching(many(450, reversed))
    const pages = await all({}, { sort: 'opened', limit: 10 })
    const ids = idsOf(pages)
    expect(new Set(ids).size).toBe(450)
    expect(ids.slice(0, 3)).toEqual(['00199', '00198', '00197'])
    expect(ids.slice(200, 202)).toEqual(['00399', '00398'])
    expect(pages[19]).toMatchObject({ hasStopped: true, reachedAtMs: LAST_MS - 199 })
    expect(pages[18]).toMatchObject({ hasStopped: false, reachedAtMs: LAST_MS - 199 })
  })

  it('misses none where others of its batch go or come meanwhile', async () => {
    const { all, store } = await searching(many(250))
    let calls = 0
    store.between = async () => {
      calls++
      if (calls > 5) {
        await store.remove(`${calls}`.padStart(5, '0'), () => true)
        await insert(
          store,
          commandSession(`new ${calls}`, { openTimeMs: 1, requestTimeMs: START_MS + calls }),
        )
      }
    }
    const ids = idsOf(await all({}, { sort: 'opened', limit: 10 }))
    const stay = many(250).filter(({ id }) => Number(id) === 0 || Number(id) > calls)
    expect(stay.filter(({ id }) => !ids.includes(id))).toEqual([])
  })
})

it('one search runs at a time', async () => {
  const { page, store } = await searching(many(10))
  const gates: (() => void)[] = []
  store.between = () => new Promise((resolve) => gates.push(resolve))
  const both = [page({}, { oldestFirst: true }), page({}, { oldestFirst: true })]
  await expect.poll(() => gates.length).toBe(1)
  gates[0]?.()
  await both[0]
  await expect.poll(() => gates.length).toBe(2)
  gates[1]?.()
  await both[1]
})
