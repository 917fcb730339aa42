import { SORT_ORDERS, type SortOrder } from '../live/model.js'

export const VIEWS = { live: 'Live list', all: 'All sessions' } as const
export const STATES = { all: 'Open and ended', open: 'Open', ended: 'Ended' } as const
export const KINDS = { any: 'Any kind', token: 'Token sessions', command: 'By a command' } as const
export const SORTS = {
  request: 'Latest request',
  'request-asc': 'Earliest request',
  opened: 'Opened last',
  'opened-asc': 'Opened first',
  ended: 'Ended last',
  'ended-asc': 'Ended first',
} as const

/** What operators search for. An empty text is no condition. */
export interface Conditions {
  readonly query: string
  /** These three must be the whole text. */
  readonly user: string
  readonly address: string
  readonly client: string
  readonly state: keyof typeof STATES
  readonly kind: keyof typeof KINDS
  readonly sort: keyof typeof SORTS
}

/** What the page shows. Its address keeps it, so that a reload or a link finds it again. No token is in it. */
export interface PageState extends Conditions {
  /** `live`: the session list. `all`: what operators find on the server. */
  readonly view: keyof typeof VIEWS
  /** Of the session list. */
  readonly order: SortOrder
  /** The id of the session whose details are open; empty: none. */
  readonly opened: string
}

export const FIRST_STATE: PageState = {
  view: 'live',
  query: '',
  order: 'newest',
  user: '',
  address: '',
  client: '',
  state: 'all',
  kind: 'any',
  sort: 'request',
  opened: '',
}

/** The name of each part in the address. */
const NAMES = {
  view: 'view',
  query: 'q',
  order: 'order',
  user: 'user',
  address: 'address',
  client: 'client',
  state: 'state',
  kind: 'kind',
  sort: 'sort',
  opened: 'session',
} as const satisfies Record<keyof PageState, string>

/** How sessions in this state can be sorted. Open ones have no end. */
export function sortsOf(state: PageState['state']): Partial<typeof SORTS> {
  const { ended, 'ended-asc': endedFirst, ...ofOpen } = SORTS
  return state === 'open' ? ofOpen : SORTS
}

/** The same, sorted as its sessions can be. */
export function sortedAsCanBe(state: PageState): PageState {
  return Object.hasOwn(sortsOf(state.state), state.sort)
    ? state
    : { ...state, sort: FIRST_STATE.sort }
}

/** Parts that have fixed values. */
const VALUES = { view: VIEWS, order: SORT_ORDERS, state: STATES, kind: KINDS, sort: SORTS }

/** Reads the fragment of an address, with or without its `#`. People edit addresses: what is no value is left out. */
export function readState(fragment: string): PageState {
  const given = new URLSearchParams(fragment.replace(/^#/, ''))
  const read: Record<string, string> = {}
  for (const [key, name] of Object.entries(NAMES)) {
    const value = given.get(name)
    const values: object | undefined = Object.hasOwn(VALUES, key)
      ? VALUES[key as keyof typeof VALUES]
      : undefined
    if (value !== null && (values === undefined || Object.hasOwn(values, value))) {
      read[key] = value
    }
  }
  return sortedAsCanBe({ ...FIRST_STATE, ...read })
}

/** The fragment of an address that shows this, with its `#`. What is as at first is left out. */
export function writeState(state: PageState): string {
  const written = new URLSearchParams()
  for (const [key, name] of Object.entries(NAMES)) {
    const value = state[key as keyof PageState]
    if (value !== FIRST_STATE[key as keyof PageState]) {
      written.set(name, value)
    }
  }
  return `#${written}`
}
