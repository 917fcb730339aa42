import type { SessionStore } from '../../src/core/store.js'
import { commandSession, ended, insert, tokenSession } from '../support/store-sessions.js'

/** The only session of bob. */
export const OF_BOB = commandSession('a', { requestTimeMs: 2, userId: 'bob' })

/** By request time: e 5, d 4 (ended), then b, c and é at 3, é ended; a 2, of bob; ä 1. */
const SESSIONS = [
  OF_BOB,
  commandSession('b', { requestTimeMs: 3 }),
  commandSession('c', { requestTimeMs: 3 }),
  ended(commandSession('d', { requestTimeMs: 4 })),
  tokenSession('e', { requestTimeMs: 5 }),
  ended(commandSession('é', { requestTimeMs: 3 })),
  commandSession('ä', { requestTimeMs: 1, userId: 'bo' }),
]

/** Their ids, as a list of all has them. */
export const ALL = ['e', 'd', 'b', 'c', 'é', 'a', 'ä']

export async function fill(store: SessionStore): Promise<void> {
  await Promise.all(SESSIONS.map((session) => insert(store, session)))
}
