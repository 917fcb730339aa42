import { test } from 'vitest'
import type { SessionChange } from '../../src/core/events.js'
import { ownerText } from '../../src/core/owner-text.js'
import type { Session } from '../../src/core/session.js'
import type { IdempotencyScope, InsertScope, Seen, SessionStore } from '../../src/core/store.js'
import type { ServedStore } from '../../src/stores/engine.js'
import { commandSession, tokenSession } from '../support/store-sessions.js'

/** An empty store of the kind that is tested. */
export interface StoreHarness {
  readonly store: SessionStore
  /** The same store as a server sees it (`operators`). */
  readonly served?: ServedStore
  /** Closes the store, and opens it again as a new process would (`durability`). */
  readonly reopen?: () => Promise<SessionStore>
  /** Closes the store and removes what it kept. */
  dispose(): Promise<void>
}

/** What each test is given. */
interface Given {
  readonly harness: StoreHarness
  readonly store: SessionStore
  /** What `insert` shows for a scope; changes nothing. */
  readonly see: (scope?: Partial<InsertScope>) => Promise<Seen>
  /** All changes from now on, as they come. */
  readonly recordChanges: () => SessionChange[]
}

export type StoreTest = ReturnType<typeof givenStore>

/** Tests that get an empty store each. */
export function givenStore(makeHarness: () => Promise<StoreHarness>) {
  return test.extend<Given>({
    harness: async ({ task: _ }, use) => {
      const harness = await makeHarness()
      await use(harness)
      await harness.dispose()
    },
    store: ({ harness }, use) => use(harness.store),
    see: ({ store }, use) =>
      use(async (scope = {}) => {
        let seen: Seen | undefined
        const userId = scope.idempotency ? ownerText(scope.idempotency.owner) : 'alice'
        await store.insert({ userId, countOpenOfUser: true, ...scope }, (now) => {
          seen = now
          return { keep: commandSession('unused') }
        })
        return seen as Seen
      }),
    recordChanges: ({ store }, use) =>
      use(() => {
        const changes: SessionChange[] = []
        store.subscribe((change) => changes.push(change))
        return changes
      }),
  })
}

export const ALWAYS = () => true
export const SEAL = Uint8Array.of(9, 9, 9)
export const KEY: IdempotencyScope = {
  owner: Uint8Array.of(1),
  signer: Uint8Array.of(2),
  key: 'first try',
}
export const KEYED = { idempotency: KEY }
/** Whose key it is. */
export const KEYED_USER = ownerText(KEY.owner)
export const BODY = { bodySha256: new Uint8Array(32).fill(4), expiresTimeMs: 5000 }
export const BODY_UNTIL_200 = { ...BODY, expiresTimeMs: 200 }
/** A session as Create opens it for the owner of `KEY`, unless told otherwise. */
export function keyedSession(id: string, owner = KEY.owner): Session {
  return tokenSession(id, { userId: ownerText(owner) })
}

/** Where `commandSession` opens its sessions. */
export const PLACE = { address: '192.0.2.1', client: 'browser' }

/** Everything that a walk shows. */
export async function all<T>(walk: AsyncIterable<readonly T[]>): Promise<T[]> {
  const seen: T[] = []
  for await (const slice of walk) {
    seen.push(...slice)
  }
  return seen
}

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}
