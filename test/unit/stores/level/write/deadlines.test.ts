import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  deadlineKey,
  entryKey,
  keyInDeadline,
  RANGES,
} from '../../../../../src/stores/level/layout/keys.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { withLevel } from '../../../../support/care.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, insert, tokenSession } from '../../../../support/store-sessions.js'

const KEY = { owner: Uint8Array.of(1), signer: Uint8Array.of(1), key: 'first try' }
const AT_END = {
  sweepAtMs: 5000,
  idempotency: { bodySha256: new Uint8Array(32), expiresTimeMs: 5000 },
}
const SHARED = deadlineKey({ kind: 'session', timeMs: 5000, id: '1' }).toString('hex')
const OWN = deadlineKey({ kind: 'idempotency', timeMs: 5000, scope: KEY }).toString('hex')

/** The rows of deadlines that this leaves: their keys in hex, and the entries that share them. */
async function deadlinesAfter(use: (store: LevelStore) => Promise<unknown>) {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  const store = await LevelStore.open(location, { epochs: EPOCHS })
  await use(store)
  await store.close()
  const rows = await withLevel(location, (level) => level.iterator().all())
  return rows
    .filter(([key]) => key[0] === RANGES.deadlines.gte[0])
    .map(([key, value]) => [key.toString('hex'), keyInDeadline(value)] as const)
}

describe('the deadline of an idempotency entry', () => {
  it('is that of its token session where both fall together', async () => {
    const rows = await deadlinesAfter((store) =>
      insert(store, tokenSession('1'), AT_END, { idempotency: KEY }),
    )
    expect(rows).toEqual([[SHARED, entryKey(KEY)]])
  })

  it.each([
    ['of a session that a command opened', commandSession('1'), AT_END],
    ['which falls at another time', tokenSession('1'), { ...AT_END, sweepAtMs: 5001 }],
    ['of a session without one', tokenSession('1'), { idempotency: AT_END.idempotency }],
  ])('is its own %s', async (_, session, parts) => {
    const rows = await deadlinesAfter((store) =>
      insert(store, session, parts, { idempotency: KEY }),
    )
    expect(rows).toContainEqual([OWN, undefined])
    expect(rows.filter(([, shared]) => shared !== undefined)).toEqual([])
  })

  it('holds nothing of an entry that was forgotten', async () => {
    const rows = await deadlinesAfter(async (store) => {
      await insert(store, tokenSession('1'), AT_END, { idempotency: KEY })
      await store.forget(KEY, () => true)
    })
    expect(rows).toEqual([[SHARED, undefined]])
  })
})
