import { describe, expect, it } from 'vitest'
import type { WatchedSession } from '../../../../src/client/watch.js'
import { type SortOrder, select, totalsOf } from '../../../../src/web/live/model.js'

function session(id: string, changes: Partial<WatchedSession> = {}): WatchedSession {
  const host = { name: 'Ada', registrationDate: '', isPatron: false, isMentor: false }
  const began = { beginTime: '2026-01-01T00:00:00Z', users: [] }
  return { id, name: id, host, activeUsers: 1, joinedUsers: 2, ...began, ...changes }
}

const named = (name: string) => ({ ...session('').host, name })

const morning = session('s1', {
  name: 'Morning',
  host: named('Zoë'),
  beginTime: '2026-01-01T08:00:00Z',
  activeUsers: 3,
  joinedUsers: 3,
  users: [{ id: 'u-77', ...named('Ångström') }],
})
const noon = session('s2', {
  name: 'élan',
  host: named('bob'),
  beginTime: '2026-01-01T12:00:00.5Z',
})
const night = session('s3', {
  name: 'zzz',
  host: named('Carol'),
  beginTime: '2026-01-01T12:00:00+01:00',
  joinedUsers: 9,
})
const all = [noon, night, morning]

describe('select', () => {
  it.each<[SortOrder, string[]]>([
    ['newest', ['s2', 's3', 's1']],
    ['oldest', ['s1', 's3', 's2']],
    ['name', ['s2', 's1', 's3']],
    ['host', ['s2', 's3', 's1']],
    ['active', ['s1', 's3', 's2']],
  ])('sorts the sessions by %s', (order, ids) => {
    expect(select(all, '', order).map(({ id }) => id)).toEqual(ids)
  })

  it.each([
    ['', ['s1', 's2', 's3']],
    ['  ', ['s1', 's2', 's3']],
    ['ELAN', ['s2']],
    ['zoe', ['s1']],
    ['S3', ['s3']],
    ['angstrom', ['s1']],
    ['u-77', ['s1']],
    ['morning zoë', ['s1']],
    ['morning bob', []],
    ['.*', []],
  ])('finds the sessions that match %j', (query, ids) => {
    const found = select(all, query, 'name').map(({ id }) => id)
    expect(found.sort()).toEqual(ids)
  })

  it('sorts numbers in names by their size', () => {
    const names = ['Room 2', 'Room 10', 'Room 10b', 'room 100']
    const rooms = names.map((name, i) => session(String(9 - i), { name }))
    expect(select(rooms.toReversed(), '', 'name')).toEqual(rooms)
  })

  it('keeps equals in one order, wherever they came from', () => {
    const [a, b] = [session('a', { name: 'x' }), session('b', { name: 'x' })]
    expect(select([b, a], '', 'name')).toEqual(select([a, b], '', 'name'))
  })

  it('looks at the session that took the place of another', () => {
    expect(select([morning], 'evening', 'name')).toEqual([])
    const renamed = { ...morning, name: 'Evening' }
    expect(select([renamed], 'evening', 'name')).toEqual([renamed])
  })
})

describe('totalsOf', () => {
  it('adds up the users of all sessions', () => {
    expect(totalsOf([])).toEqual({ sessions: 0, activeUsers: 0, joinedUsers: 0 })
    expect(totalsOf(all)).toEqual({ sessions: 3, activeUsers: 5, joinedUsers: 14 })
  })
})
