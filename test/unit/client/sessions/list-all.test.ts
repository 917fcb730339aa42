import { expect, it } from 'vitest'
import { listAll } from '../../../../src/client/sessions/list-all.js'
import type { ListOptions, SessionInfo } from '../../../../src/client/sessions/session-info.js'

/** A list of sessions whose requests came at these instants. `onPage` is called before each page. */
function listOf(timesMs: readonly number[], onPage: (page: number, sessions: Sessions) => void) {
  const sessions = new Map(
    timesMs.map((requestTimeMs, i) => [`${i}`, { id: `${i}`, requestTimeMs }]),
  )
  const asked: ListOptions[] = []
  const list = async (options: ListOptions) => {
    onPage(asked.length, sessions)
    asked.push(options)
    const { fromTimeMs = 0, toTimeMs = Infinity, skip = 0, take = 100 } = options
    const found = [...sessions.values()]
      .filter(({ requestTimeMs: ms }) => fromTimeMs <= ms && ms < toTimeMs)
      .sort((a, b) => b.requestTimeMs - a.requestTimeMs)
      .slice(skip, skip + take) as unknown as SessionInfo[]
    return { sessions: found, total: null }
  }
  return { list, asked, sessions }
}
type Sessions = Map<string, { id: string; requestTimeMs: number }>

async function idsOf(list: AsyncIterable<SessionInfo>): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of list) {
    ids.push(id)
  }
  return ids
}

const descending = (count: number) => Array.from({ length: count }, (_, i) => 10_000 - i)

it.each([0, 1, 99, 100, 101, 250, 1000])(
  'gives each of %i sessions once, newest first',
  async (n) => {
    const { list } = listOf(descending(n), () => {})
    expect(await idsOf(listAll(list, {}))).toEqual(descending(n).map((_, i) => `${i}`))
  },
)

it.each([150, 730])('gives each of %i sessions of one instant once', async (n) => {
  const { list } = listOf(
    Array.from({ length: n }, () => 5),
    () => {},
  )
  expect((await idsOf(listAll(list, {}))).sort()).toEqual(
    descending(n)
      .map((_, i) => `${i}`)
      .sort(),
  )
})

it('leaves out none that moves to the front meanwhile, and gives none twice', async () => {
  const { list } = listOf(descending(500), (page, sessions) => {
    // One that was given, and two that were not.
    for (const id of [`${page}`, `${499 - page}`, `${250 + 10 * page}`]) {
      sessions.set(id, { id, requestTimeMs: 20_000 + page })
    }
  })
  const ids = await idsOf(listAll(list, {}))
  expect(ids).toHaveLength(500)
  expect(new Set(ids).size).toBe(500)
})

it('leaves out none that a server with an earlier clock moves behind the newest one', async () => {
  const newestMs = 1_700_000_000_000
  const { list } = listOf(
    descending(500).map((ms) => newestMs - 10_000 + ms),
    (page, sessions) => {
      if (page === 1) {
        sessions.set('499', { id: '499', requestTimeMs: newestMs - 1 })
      }
    },
  )
  expect(new Set(await idsOf(listAll(list, {}))).size).toBe(500)
})

it('asks for none before the time that it was given', async () => {
  const { list, asked } = listOf(descending(500), () => {})
  await idsOf(listAll(list, { fromTimeMs: 9_700 }))
  expect(asked.map(({ fromTimeMs }) => fromTimeMs)).toEqual(asked.map(() => 9_700))
})

it('gives those of an instant where some move away from it meanwhile', async () => {
  const { list } = listOf(
    Array.from({ length: 600 }, () => 5),
    (page, sessions) => {
      for (let i = 0; i < 20; i++) {
        const id = `${page * 20 + i}`
        if (sessions.has(id)) {
          sessions.set(id, { id, requestTimeMs: 20_000 + page })
        }
      }
    },
  )
  expect(new Set(await idsOf(listAll(list, {}))).size).toBe(600)
})

it('asks for nothing that its caller does not take', async () => {
  const { list, asked } = listOf(descending(1000), () => {})
  for await (const { id } of listAll(list, { active: true })) {
    if (id === '150') {
      break
    }
  }
  expect(asked).toHaveLength(2)
  expect(asked[0]).toEqual({ active: true, skip: 0, take: 100 })
})
