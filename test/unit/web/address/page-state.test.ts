import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  FIRST_STATE,
  KINDS,
  type PageState,
  readState,
  SORTS,
  STATES,
  sortsOf,
  VIEWS,
  writeState,
} from '../../../../src/web/address/page-state.js'
import { SORT_ORDERS, type SortOrder } from '../../../../src/web/live/model.js'

const oneOf = <T extends string>(values: Record<T, unknown>) =>
  fc.constantFrom(...(Object.keys(values) as T[]))

const states: fc.Arbitrary<PageState> = fc
  .record({
    view: oneOf(VIEWS),
    query: fc.string({ unit: 'grapheme' }),
    order: oneOf<SortOrder>(SORT_ORDERS),
    user: fc.string(),
    address: fc.string(),
    client: fc.string({ unit: 'grapheme-composite' }),
    state: oneOf(STATES),
    kind: oneOf(KINDS),
    sort: oneOf(SORTS),
    opened: fc.string(),
  })
  .filter(({ state, sort }) => Object.hasOwn(sortsOf(state), sort))

it('an address keeps all that the page shows', () => {
  fc.assert(
    fc.property(states, (state) => {
      expect(readState(writeState(state))).toEqual(state)
    }),
  )
})

it('an address leaves out what is as at first', () => {
  expect(writeState(FIRST_STATE)).toBe('#')
  expect(writeState({ ...FIRST_STATE, view: 'all', query: 'a b&c' })).toBe('#view=all&q=a+b%26c')
})

it.each([
  ['', FIRST_STATE],
  ['#view=other&order=constructor&state=__proto__&kind=&sort=toString', FIRST_STATE],
  ['#state=open&sort=ended-asc', { ...FIRST_STATE, state: 'open' }],
  ['#state=ended&sort=ended', { ...FIRST_STATE, state: 'ended', sort: 'ended' }],
  ['#token=secret&q=ada', { ...FIRST_STATE, query: 'ada' }],
  ['#q=%E0%A4%A', { ...FIRST_STATE, query: '\uFFFD%A' }],
])('the address %j is read without what is no value', (fragment, state) => {
  expect(readState(fragment)).toEqual(state)
})

it('no token is written to an address', () => {
  expect(writeState(readState('#token=secret&view=all'))).toBe('#view=all')
})
