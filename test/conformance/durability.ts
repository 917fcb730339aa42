import { describe, expect } from 'vitest'
import type { SessionStore } from '../../src/core/store.js'
import { commandSession, ended, insert, listIds } from '../support/store-sessions.js'
import {
  all,
  BODY,
  KEY,
  KEYED,
  keyedSession,
  PLACE,
  SEAL,
  type StoreHarness,
  type StoreTest,
} from './given.js'

/** Capability `durability`. */
export function durabilityTests(it: StoreTest): void {
  describe('a store that is opened again', () => {
    it('has everything that was acknowledged', async ({ store, harness }) => {
      const own = keyedSession('1')
      await insert(store, own, { seal: SEAL, sweepAtMs: 100, idempotency: BODY }, KEYED)
      await insert(store, commandSession('2'))
      await insert(store, commandSession('3'))
      await store.update('3', (session) => ({ session: ended(session) }))
      await insert(store, commandSession('4'))
      await store.remove('4', () => true)
      const again = await reopened(harness)
      await expect(again.get('1')).resolves.toEqual(own)
      await expect(again.seal('1')).resolves.toEqual(SEAL)
      await expect(again.findOpened('alice', PLACE.address, PLACE.client)).resolves.toEqual(
        commandSession('2'),
      )
      await expect(again.get('3')).resolves.toEqual(ended(commandSession('3')))
      await expect(listIds(again)).resolves.toEqual(['1', '2', '3'])
      await expect(again.countOpen()).resolves.toBe(2)
      await expect(all(again.walkIdempotency(KEY.owner))).resolves.toMatchObject([
        { sessionId: '1' },
      ])
      await expect(again.due(Infinity, 10)).resolves.toHaveLength(2)
    })
  })
}

function reopened({ reopen }: StoreHarness): Promise<SessionStore> {
  if (reopen === undefined) {
    throw new Error('the harness cannot reopen its store: it lacks "durability"')
  }
  return reopen()
}
