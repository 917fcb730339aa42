import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Session } from '../../../../../src/core/session.js'
import { openedIds, openedRows } from '../../../../../src/stores/level/layout/opened.js'
import { commandSession, ended, tokenSession } from '../../../../support/store-sessions.js'

/** The value of the row after some changes, and which keys were written. */
function after(...changes: [before: Session | null, after: Session | null][]) {
  let value: Uint8Array | undefined
  let writes = 0
  for (const [before, after] of changes) {
    for (const [, written] of openedRows([{ before, after }], () => value)) {
      value = written ?? undefined
      writes++
    }
  }
  return { value, newest: openedIds(value)[0], writes }
}

const one = commandSession('one', { openTimeMs: 1 })
const two = commandSession('two', { openTimeMs: 2 })

it('names the newest that is open, in whatever order they came', () => {
  expect(after([null, one], [null, two]).newest).toBe('two')
  expect(after([null, two], [null, one]).newest).toBe('two')
  expect(after([null, one], [null, two], [two, ended(two)]).newest).toBe('one')
  expect(after([null, one], [one, null])).toEqual({
    value: undefined,
    newest: undefined,
    writes: 2,
  })
})

it('builds on what the same write has changed before', () => {
  const three = commandSession('three', { openTimeMs: 3 })
  const { value } = after([null, one], [null, two])
  const changes = [
    { before: one, after: ended(one) },
    { before: two, after: ended(two) },
    { before: null, after: three },
  ]
  const rows = openedRows(changes, () => value)
  expect(rows.map(([, written]) => openedIds(written ?? undefined))).toEqual([['three']])
})

it('is written only where a session that a command opened begins or ends', () => {
  const token = tokenSession('token')
  expect(after([null, token], [token, ended(token)], [null, ended(one)]).writes).toBe(0)
  expect(after([null, one], [one, { ...one, data: '1', requestTimeMs: 9000 }]).writes).toBe(1)
})

it('depends on what is open alone', () => {
  const anySession = fc
    .record({ id: fc.string({ minLength: 1 }), openTimeMs: fc.nat(3) })
    .map(({ id, openTimeMs }) => commandSession(id, { openTimeMs }))
  const anySessions = fc.uniqueArray(anySession, { selector: ({ id }) => id })
  fc.assert(
    fc.property(anySessions, fc.array(fc.nat()), (sessions, picks) => {
      const opened = sessions.map((session): [null, Session] => [null, session])
      const gone = new Set(picks.map((pick) => sessions[pick % (sessions.length || 1)]))
      const rest = sessions.filter((session) => !gone.has(session))
      const removed = sessions.filter((session) => gone.has(session))
      const { value } = after(
        ...opened,
        ...removed.map((session): [Session, null] => [session, null]),
      )
      const again = after(...rest.reverse().map((session): [null, Session] => [null, session]))
      expect(value).toEqual(again.value)
    }),
  )
})
