import { describe, expect, it } from 'vitest'
import { isLinearizable, type Operation } from '../support/linearizable.js'
import { type Input, type Output, PLACE } from '../support/place-history.js'

type Row = readonly [calledAt: number, answeredAt: number, input: Input, output?: Output]

const NEVER = Number.POSITIVE_INFINITY
const open: Input = { cmd: 'open' }
const close = (id: string): Input => ({ cmd: 'close', id })
const get = (id: string): Input => ({ cmd: 'get', id })
const store = (id: string, data: number): Input => ({ cmd: 'store', id, data })
const [a, b] = [{ id: 'a' }, { id: 'b' }]

const history = (rows: readonly Row[]): Operation<Input, Output>[] =>
  rows.map(([calledAt, answeredAt, input, output]) => ({
    ...{ calledAt, answeredAt, input },
    ...(output !== undefined && { output }),
  }))

describe('a history at one place', () => {
  it.each<[string, Row[]]>([
    [
      'has one session for two calls at once',
      [
        [0, 3, open, a],
        [1, 2, open, a],
      ],
    ],
    [
      'has another one after the end of the first',
      [
        [0, 1, open, a],
        [2, 3, close('a'), 'done'],
        [4, 5, open, b],
      ],
    ],
    [
      'may end a session while it is found',
      [
        [0, 1, open, a],
        [2, 5, close('a'), 'done'],
        [3, 4, open, a],
      ],
    ],
    [
      'may show data before or after a store that is under way',
      [
        [0, 1, open, a],
        [2, 7, store('a', 1), 'done'],
        [3, 4, get('a'), { data: null }],
        [5, 6, get('a'), { data: 1 }],
      ],
    ],
    [
      'may have done what was never answered',
      [
        [0, 1, open, a],
        [2, NEVER, close('a')],
        [3, 4, open, b],
      ],
    ],
    [
      'may never have done it',
      [
        [0, 1, open, a],
        [2, NEVER, close('a')],
        [3, 4, open, a],
      ],
    ],
    [
      'may have opened a session that nobody was told of',
      [
        [0, NEVER, open],
        [1, 2, open, a],
        [3, 4, close('a'), 'done'],
        [5, 6, open, b],
      ],
    ],
    [
      'refuses to store where the session has ended',
      [
        [0, 1, open, a],
        [2, 3, close('a'), 'done'],
        [4, 5, store('a', 1), 'ended'],
        [6, 7, get('a'), 'ended'],
      ],
    ],
  ])('%s', (_, rows) => {
    expect(isLinearizable(history(rows), PLACE)).toBe(true)
  })

  it.each<[string, Row[]]>([
    [
      'never has two sessions open',
      [
        [0, 3, open, a],
        [1, 2, open, b],
      ],
    ],
    [
      'never finds a session that has ended',
      [
        [0, 1, open, a],
        [2, 3, close('a'), 'done'],
        [4, 5, open, a],
      ],
    ],
    [
      'never loses data that was stored',
      [
        [0, 1, open, a],
        [2, 3, store('a', 1), 'done'],
        [4, 5, get('a'), { data: null }],
      ],
    ],
    [
      'never goes back to earlier data',
      [
        [0, 1, open, a],
        [2, 9, store('a', 1), 'done'],
        [3, 4, get('a'), { data: 1 }],
        [5, 6, get('a'), { data: null }],
      ],
    ],
    [
      'never stores in a session that has ended',
      [
        [0, 1, open, a],
        [2, 3, close('a'), 'done'],
        [4, 5, store('a', 1), 'done'],
      ],
    ],
    [
      'never refuses an open session',
      [
        [0, 1, open, a],
        [2, 3, store('a', 1), 'ended'],
      ],
    ],
    [
      'never undoes what it did without an answer',
      [
        [0, 1, open, a],
        [2, NEVER, close('a')],
        [3, 4, get('a'), 'ended'],
        [5, 6, open, a],
      ],
    ],
  ])('%s', (_, rows) => {
    expect(isLinearizable(history(rows), PLACE)).toBe(false)
  })
})
