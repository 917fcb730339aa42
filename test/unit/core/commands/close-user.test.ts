import { expect, it } from 'vitest'
import { closeUser } from '../../../../src/core/commands/close-user.js'
import { CALLER, HOUR_MS, sessionsAt } from '../../../support/sessions.js'

it('closing a user ends each open session, page after page, and counts those that it ended', async () => {
  const { sessions, time } = sessionsAt()
  for (let i = 0; i < 203; i++) {
    await sessions.open({ userId: 'ann', address: '', client: `${i}` })
  }
  const others = await sessions.open({ userId: 'bob', address: '', client: '' })
  const closable = {
    list: sessions.list.bind(sessions),
    close: async (id: string) => (await sessions.close(id, CALLER))?.wasOpen ?? false,
  }
  expect(await closeUser(closable, 'ann')).toEqual({ closed: 203, isDone: true })
  expect(await closeUser(closable, 'ann')).toEqual({ closed: 0, isDone: true })
  expect(await sessions.get(others.id)).toMatchObject({ active: true })

  await sessions.open({ userId: 'ann', address: '', client: 'idle' })
  time.nowMs += 2 * HOUR_MS
  expect(await closeUser(closable, 'ann')).toEqual({ closed: 0, isDone: true })
})

it('closing a user does not count a session that somebody else closed meanwhile', async () => {
  const pages = [[{ id: '1' }, { id: '2' }], []]
  const closable = {
    list: async () => ({ sessions: pages.shift() ?? [] }),
    close: async (id: string) => id === '2',
  }
  expect(await closeUser(closable, 'ann')).toEqual({ closed: 1, isDone: true })
})

it('closing a user stops at a limit, and says whether a session is left', async () => {
  const { sessions } = sessionsAt()
  for (let i = 0; i < 150; i++) {
    await sessions.open({ userId: 'ann', address: '', client: `${i}` })
  }
  const closable = {
    list: sessions.list.bind(sessions),
    close: async (id: string) => (await sessions.close(id, CALLER))?.wasOpen ?? false,
  }
  expect(await closeUser(closable, 'ann', 120)).toEqual({ closed: 120, isDone: false })
  const left = await sessions.list({ userId: 'ann', active: true, take: 0, total: true })
  expect(left.total).toBe(30)
  expect(await closeUser(closable, 'ann', 30)).toEqual({ closed: 30, isDone: true })
})
