import { describe, expect, it } from 'vitest'
import { FIRST_STATE } from '../../../../src/web/address/page-state.js'
import { searchFor, withPage } from '../../../../src/web/console/search.js'
import type { FoundPage } from '../../../../src/web/operator/calls.js'
import { readFound } from '../../../../src/web/operator/sessions.js'

const page = (ids: string[], changes: Partial<FoundPage> = {}): FoundPage => ({
  sessions: ids.map((id) => readFound({ session_id: id, client: changes.next })),
  ...{ next: null, stopped: false, lookedAt: 2_000, reachedAtMs: null, total: null },
  ...changes,
})

describe('searchFor', () => {
  it('asks for the conditions, without blanks around them', () => {
    const state = { ...FIRST_STATE, query: ' ada ', user: 'hex:00 ', sort: 'ended-asc' } as const
    expect(searchFor(state)).toEqual({
      ...{ text: 'ada', user: 'hex:00', address: '', client: '', state: 'all', kind: 'any' },
      ...{ sort: 'ended', order: 'asc' },
    })
    expect(searchFor(FIRST_STATE)).toMatchObject({ sort: 'request', order: 'desc' })
  })
})

describe('withPage', () => {
  it('adds answers up, and keeps the place of a session that comes twice', () => {
    const first = withPage(null, page(['a', 'b'], { next: '1', total: 7, reachedAtMs: 9 }), 100)
    const both = withPage(first, page(['c', 'a'], { next: '2', stopped: true }), 200)
    expect(both.rows.map(({ id, client }) => [id, client])).toEqual([
      ['a', '2'],
      ['b', '1'],
      ['c', '2'],
    ])
    expect(both).toMatchObject({
      ...{ lookedAt: 4_000, answers: 2, total: 7, reachedAtMs: 9, next: '2', stopped: true },
      askedAtMs: 100,
    })
  })
})
