import { describe, expect, it } from 'vitest'
import { WatchedSessions } from '../../../src/client/watched-sessions.js'

const user = (id: string, name = id) => ({
  ...{ id, name, registrationDate: '2026-01-01T00:00:00Z', isPatron: false, isMentor: false },
})
const session = (id: string) => ({
  ...{ id, name: 'game', host: user('host'), activeUsers: 1, joinedUsers: 1 },
  ...{ beginTime: '2026-01-01T00:00:00Z', users: [user('u1'), user('u2')] },
})

/** Sessions of one connection. */
function listed(...ids: string[]) {
  const watched = new WatchedSessions()
  for (const id of ids) {
    watched.apply({ command: 'add', session: session(id) })
  }
  return watched
}

describe('what a watch knows of the sessions', () => {
  it('has a session as it was last told, and never alters an older one', () => {
    const watched = listed('s')
    const before = watched.sessions.get('s')
    const details = { name: 'new', activeUsers: 2, joinedUsers: 3 }
    expect(watched.apply({ command: 'update', sessionId: 's', ...details })).toEqual([
      { type: 'updated', session: { ...session('s'), ...details } },
    ])
    expect(before).toEqual(session('s'))
  })

  it('has each user of a session once', () => {
    const watched = listed('s')
    const renamed = user('u1', 'renamed')
    watched.apply({ command: 'add_user', sessionId: 's', user: renamed })
    expect(watched.sessions.get('s')?.users).toEqual([user('u2'), renamed])
    watched.apply({ command: 'remove_user', sessionId: 's', userId: 'u2', userName: 'u2' })
    expect(watched.sessions.get('s')?.users).toEqual([renamed])
  })

  it('tells of nothing where a session is unknown', () => {
    const watched = listed('s')
    expect(watched.apply({ command: 'remove', sessionId: 'other' })).toEqual([])
    expect(watched.apply({ command: 'add_user', sessionId: 'other', user: user('u1') })).toEqual([])
  })

  it('keeps sessions of an earlier connection until it is settled', () => {
    const watched = listed('gone', 'stays')
    expect(watched.isSettled).toBe(true)
    watched.reset()
    expect(watched.isSettled).toBe(false)
    expect([...watched.sessions.keys()]).toEqual(['gone', 'stays'])
    expect(watched.apply({ command: 'add', session: session('stays') })).toMatchObject([
      { type: 'updated' },
    ])
    expect(watched.settle()).toEqual([{ type: 'removed', session: session('gone') }])
    expect([...watched.sessions.keys()]).toEqual(['stays'])
    expect(watched.isSettled).toBe(true)
  })

  it('is settled once nothing of an earlier connection is left', () => {
    const watched = listed('ended', 'stays')
    watched.reset()
    watched.apply({ command: 'remove', sessionId: 'ended' })
    watched.apply({ command: 'add', session: session('stays') })
    expect(watched.isSettled).toBe(true)
    expect(watched.settle()).toEqual([])
  })
})
