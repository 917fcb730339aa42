import { describe, expect, it } from 'vitest'
import type { Session } from '../../../../src/core/session.js'
import { MemoryStore } from '../../../support/memory-store.js'
import {
  BROWSER,
  CALLER,
  claimAt,
  HOUR_MS,
  type Limits,
  START_MS,
  sessionsAt,
} from '../../../support/sessions.js'

const END_OLDEST: Partial<Limits> = { maxSessionsPerOwner: 2, atLimit: 'end-oldest' }

/** Opens sessions of one user, a millisecond apart. */
async function openSome(
  { sessions, time }: ReturnType<typeof sessionsAt>,
  ...clients: string[]
): Promise<Session[]> {
  const opened: Session[] = []
  for (const client of clients) {
    time.nowMs++
    opened.push(await sessions.open({ ...BROWSER, client }))
  }
  return opened
}

async function openClients({ sessions }: ReturnType<typeof sessionsAt>): Promise<string[]> {
  const page = await sessions.list({ userId: BROWSER.userId, active: true })
  return page.sessions.map(({ client }) => client)
}

describe('a user at the limit who opens another session', () => {
  it('is refused, unless the server is told otherwise', async () => {
    const at = sessionsAt({ maxSessionsPerOwner: 2 })
    await openSome(at, 'a', 'b')
    await expect(openSome(at, 'c')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(await openClients(at)).toEqual(['b', 'a'])
  })

  it('loses the one with the oldest request, which says why it ended', async () => {
    const at = sessionsAt(END_OLDEST)
    const [a, b] = await openSome(at, 'a', 'b')
    at.time.nowMs += 2000
    await at.sessions.load(BROWSER.userId, a?.id ?? '')
    const [c] = await openSome(at, 'c')
    expect(await openClients(at)).toEqual(['c', 'a'])
    expect(await at.sessions.get(b?.id ?? '')).toMatchObject({
      active: false,
      closeTimeMs: at.time.nowMs,
      ending: { reason: 'superseded', by: `session ${c?.id}` },
    })
    expect(at.expiry.ended.all.get('superseded')).toBe(1)
  })

  it('loses none where Create or a command finds its earlier session again', async () => {
    const at = sessionsAt(END_OLDEST)
    const key = { ...claimAt(START_MS, 60), idempotencyKey: 'k' }
    const first = await at.create(key)
    await at.create(claimAt(START_MS, 60))
    expect((await at.create(key)).id).toBe(first.id)
    await openSome(at, 'a', 'b', 'a')
    expect(await openClients(at)).toEqual(['a', 'b'])
    expect(at.expiry.ended.all.get('superseded')).toBe(0)
  })

  it('loses a token session, whose idempotency key then says that it has ended', async () => {
    const at = sessionsAt({ ...END_OLDEST, maxSessionsPerOwner: 1 })
    const key = { ...claimAt(START_MS, 60), idempotencyKey: 'k' }
    const { id } = await at.create(key)
    await at.create(claimAt(START_MS, 60))
    expect(await at.store.seal(id)).toBeUndefined()
    await expect(at.create(key)).rejects.toMatchObject({ code: 'SESSION_ENDED' })
  })

  it('loses none that lives while another is over', async () => {
    const at = sessionsAt(END_OLDEST)
    const long = await at.create(claimAt(START_MS, 3600))
    const short = await at.create(claimAt(START_MS, 60))
    at.time.nowMs += 61_000
    await at.create(claimAt(at.time.nowMs, 60))
    expect(await at.store.get(long.id)).toMatchObject({ active: true })
    expect(await at.store.get(short.id)).toMatchObject({ ending: { reason: 'expired', by: null } })
  })

  it('loses as many as a lowered limit asks for, at most 100 at a time', async () => {
    const store = new MemoryStore()
    const before = sessionsAt({}, store)
    await openSome(before, ...Array.from({ length: 150 }, (_, i) => `${i}`))
    const at = sessionsAt(END_OLDEST, store)
    at.time.nowMs = before.time.nowMs
    await openSome(at, 'first')
    expect(await store.countOpen()).toBe(51)
    await openSome(at, 'second')
    expect(await openClients(at)).toEqual(['second', 'first'])
  })

  it('stays at the limit where many come at once', async () => {
    const at = sessionsAt(END_OLDEST)
    const opened = Array.from({ length: 50 }, (_, i) =>
      at.sessions.open({ ...BROWSER, client: `${i}` }),
    )
    await Promise.all(opened)
    expect(await at.store.countOpen()).toBe(2)
    expect(at.expiry.ended.all.get('superseded')).toBe(48)
  })

  it('is still refused where the server is full, and makes room for nobody else', async () => {
    const at = sessionsAt({ ...END_OLDEST, maxSessions: 2 })
    await at.sessions.open({ ...BROWSER, userId: 'someone else' })
    await openSome(at, 'a')
    await expect(openSome(at, 'b')).rejects.toMatchObject({ metadata: { scope: 'server' } })
    const full = sessionsAt({ ...END_OLDEST, maxSessionsPerOwner: 1, maxSessions: 2 }, at.store)
    full.time.nowMs = at.time.nowMs
    await openSome(full, 'c')
    expect(await openClients(full)).toEqual(['c'])
    expect(await at.store.countOpen()).toBe(2)
  })
})

describe('why a session ended', () => {
  it.each<[string, object, (at: ReturnType<typeof sessionsAt>, id: string) => Promise<unknown>]>([
    [
      'somebody closed it',
      { reason: 'closed', by: CALLER.name },
      async (at, id) => at.sessions.close(id, CALLER),
    ],
    [
      'the sweep found it idle',
      { reason: 'idle', by: null },
      async (at) => {
        at.time.nowMs += HOUR_MS
        await at.sessions.closeExpired()
      },
    ],
    [
      'it was closed after it had been idle too long',
      { reason: 'idle', by: null },
      async (at, id) => {
        at.time.nowMs += HOUR_MS
        await at.sessions.close(id, CALLER)
      },
    ],
    [
      'a list found it idle',
      { reason: 'idle', by: null },
      async (at) => {
        at.time.nowMs += HOUR_MS
        await at.sessions.list({ active: true })
      },
    ],
    [
      'it became too old',
      { reason: 'expired', by: null },
      async (at, id) => {
        at.time.nowMs += HOUR_MS - 1
        await at.sessions.load(BROWSER.userId, id)
        at.time.nowMs += HOUR_MS
        await at.sessions.closeExpired()
      },
    ],
  ])('is kept and counted: %s', async (_name, ending, end) => {
    const at = sessionsAt({ maxSessionAgeMs: 1.5 * HOUR_MS })
    const { id } = await at.sessions.open(BROWSER)
    await end(at, id)
    expect((await at.store.get(id))?.ending).toEqual(ending)
    const counted = [...at.expiry.ended.all].filter(([, count]) => count > 0)
    expect(counted).toEqual([['reason' in ending && ending.reason, 1]])
  })

  it('is told before the sweep has come', async () => {
    const at = sessionsAt()
    const { id } = await at.sessions.open(BROWSER)
    at.time.nowMs += HOUR_MS
    expect((await at.sessions.get(id))?.ending).toEqual({ reason: 'idle', by: null })
    expect((await at.store.get(id))?.ending).toBeNull()
  })

  it('is counted where the record is deleted, unless it had ended before', async () => {
    const at = sessionsAt()
    const { id } = await at.sessions.open(BROWSER)
    const other = await at.sessions.open({ ...BROWSER, client: 'other' })
    await at.sessions.delete(id, {}, CALLER)
    at.time.nowMs += HOUR_MS
    await at.sessions.delete(other.id, {}, CALLER)
    const third = await at.sessions.open(BROWSER)
    await at.sessions.close(third.id, CALLER)
    await at.sessions.delete(third.id, {}, CALLER)
    const { deleted, idle, closed } = Object.fromEntries(at.expiry.ended.all)
    expect({ deleted, idle, closed }).toEqual({ deleted: 1, idle: 1, closed: 1 })
  })
})
