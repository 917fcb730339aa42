import { expect, it } from 'vitest'
import { indexKeys } from '../../../../../src/stores/level/layout/keys.js'
import { Wanted } from '../../../../../src/stores/level/read/wanted.js'
import { commandSession } from '../../../../support/store-sessions.js'

/** Index keys of open sessions, newest request first: the last requests came at 1003 to 1000 ms. */
const KEYS = [1003, 1002, 1001, 1000].map(
  (requestTimeMs) => indexKeys(commandSession(`${requestTimeMs}`, { requestTimeMs }))[0],
)
const PAGE = { active: true, skip: 0, take: 0, total: true }

it.each([
  [{}, 4],
  [{ fromTimeMs: 1001 }, 3],
  [{ toTimeMs: 1001 }, 1],
  [{ fromTimeMs: 1001, toTimeMs: 1003 }, 2],
  [{ fromTimeMs: 1001, toTimeMs: 1001 }, 0],
  [{ fromTimeMs: 1001, toTimeMs: 0 }, 0],
  [{ fromTimeMs: 1003, toTimeMs: 1001 }, 0],
])('of a shared walk, a list takes only the keys in its own range: %j has %i', (range, count) => {
  const wanted = new Wanted({ ...PAGE, ...range })
  wanted.meet(KEYS)
  expect(wanted.total).toBe(count)
})
