import { expect, it } from 'vitest'
import {
  deadlineOfEnding,
  endingIn,
  endingOf,
} from '../../../../src/core/endings/session-endings.js'
import type { Session } from '../../../../src/core/session.js'
import { commandSession, EPOCHS, ended, tokenSession } from '../../../support/store-sessions.js'

const ID = '6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0'
/** Its lifetime ends at 10,000 ms. */
function session(id = ID): Session {
  const made = tokenSession(id)
  return {
    ...made,
    token: made.token && { ...made.token, lifetime: { exp: 9n, nbf: 0n, iat: 0n } },
  }
}
const open = session()
const closed = (atMs: number) => ended(open, atMs, { reason: 'revoked', by: 'a test' })

it.each<[string, Parameters<typeof endingOf>[0], object | null]>([
  [
    'within its lifetime',
    { before: open, after: closed(9999) },
    { endTimeMs: 9999, reason: 'revoked' },
  ],
  ['at its end', { before: open, after: closed(10_000) }, null],
  [
    'by deletion',
    { before: open, after: null, removal: { reason: 'erased', timeMs: 5000 } },
    { endTimeMs: 5000, reason: 'erased' },
  ],
  [
    'by deletion beyond its end',
    { before: open, after: null, removal: { reason: 'deleted', timeMs: 10_000 } },
    null,
  ],
  [
    'by deletion that says nothing',
    { before: open, after: null },
    { endTimeMs: 1000, reason: 'deleted' },
  ],
  ['before', { before: closed(5000), after: null }, null],
  ['not', { before: open, after: { ...open, requestTimeMs: 2000 } }, null],
  ['as it is new', { before: null, after: closed(5000) }, null],
  ['that a command opened', { before: commandSession(ID), after: ended(commandSession(ID)) }, null],
  [
    'that no token can name',
    { before: session('another'), after: ended(session('another')) },
    null,
  ],
])('a session that ended %s', (_, change, expected) => {
  expect(endingOf(change, EPOCHS)).toEqual(expected && { id: ID, exp: 9n, ...expected })
})

it('of an earlier release counts as closed, at the time that its record has', () => {
  expect(endingIn(ended(open, 5000, null), EPOCHS)).toMatchObject({
    reason: 'closed',
    endTimeMs: 5000,
  })
  const untimed = { ...ended(open, 5000, null), closeTimeMs: null }
  expect(endingIn(untimed, EPOCHS)).toMatchObject({ endTimeMs: 1000 })
  expect(endingIn(open, EPOCHS)).toBeNull()
})

it('is forgotten when its lifetime is over', () => {
  expect(deadlineOfEnding({ id: ID, exp: 9n }, EPOCHS)).toEqual({
    ...{ kind: 'ending', timeMs: 10_000, id: ID },
  })
})
