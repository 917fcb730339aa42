import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailableError } from '../../../../../src/core/errors.js'
import { KEY_ONLY, type Row } from '../../../../../src/stores/level/database.js'
import { entryKey, sessionKey } from '../../../../../src/stores/level/layout/keys.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { EntryFilter } from '../../../../../src/stores/level/write/entry-filter.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS, tokenSession } from '../../../../support/store-sessions.js'

/** After so many lookups it walks. */
const LOOKUPS = 1000
const OWNER = Uint8Array.of(1, 2, 3)

const scopeOf = (n: number) => ({ owner: OWNER, signer: OWNER, key: `key ${n}` })
const keyOf = (n: number) => entryKey(scopeOf(n))
const rowOf = (n: number): Row => [keyOf(n), KEY_ONLY]

/** A filter over keys that a test stores. A walk takes a slice of them with each `step`. */
function setUp({ expected = 0, slice = 2 } = {}) {
  const stored = new Set<number>()
  let walks = 0
  let failing = false
  let go = () => {}
  async function* walk() {
    walks++
    const keys = [...stored].map(keyOf)
    for (let i = 0; i < keys.length; i += slice) {
      await new Promise<void>((resolve) => {
        go = resolve
      })
      if (failing) {
        failing = false
        throw new StoreUnavailableError('it is closed')
      }
      yield keys.slice(i, i + slice)
    }
  }
  const filter = new EntryFilter({ walk, expected: () => expected, rest: async () => {} })
  return {
    filter,
    stored,
    walks: () => walks,
    commit(...numbers: readonly number[]) {
      for (const n of numbers) {
        stored.add(n)
      }
      filter.committed(numbers.map(rowOf))
    },
    askUntilWalk() {
      for (let i = 0; i < LOOKUPS; i++) {
        filter.mayHold(keyOf(-1))
      }
    },
    async step() {
      go()
      await setImmediate()
    },
    async walkToEnd() {
      for (let i = 0; i <= stored.size / slice + 1; i++) {
        go()
        await setImmediate()
      }
    },
    fail() {
      failing = true
    },
  }
}

describe('the filter of idempotency keys', () => {
  it('walks over all keys once a thousand were asked for, and then knows what is not there', async () => {
    const { filter, commit, walks, walkToEnd } = setUp()
    commit(1, 2, 3)
    for (let i = 1; i < LOOKUPS; i++) {
      expect(filter.mayHold(keyOf(9))).toBe(true)
    }
    await setImmediate()
    expect(walks()).toBe(0)
    filter.mayHold(keyOf(9))
    await walkToEnd()
    expect(walks()).toBe(1)
    expect(filter.mayHold(keyOf(9))).toBe(false)
    expect([1, 2, 3].map((n) => filter.mayHold(keyOf(n)))).toEqual([true, true, true])
  })

  it('looks at keys of entries alone, and not at those that a commit deletes', async () => {
    const { filter, askUntilWalk, walkToEnd } = setUp()
    askUntilWalk()
    await walkToEnd()
    filter.committed([
      [sessionKey('id'), KEY_ONLY],
      [keyOf(1), null],
    ])
    expect(filter.mayHold(sessionKey('id'))).toBe(false)
    expect(filter.mayHold(keyOf(1))).toBe(false)
  })

  it('walks again after a walk that failed, once as many were asked for', async () => {
    const { filter, commit, fail, walks, askUntilWalk, step, walkToEnd } = setUp()
    commit(1, 2)
    askUntilWalk()
    fail()
    await step()
    expect(filter.mayHold(keyOf(9))).toBe(true)
    expect(walks()).toBe(1)
    askUntilWalk()
    await walkToEnd()
    expect(walks()).toBe(2)
    expect(filter.mayHold(keyOf(9))).toBe(false)
  })

  it('walks again once it is full, and answers meanwhile', async () => {
    const { filter, stored, commit, walks, askUntilWalk, walkToEnd } = setUp({ slice: 1e6 })
    askUntilWalk()
    await walkToEnd()
    // Entries come, and end: it cannot forget them.
    for (let n = 0; walks() === 1 && n < 200_000; n++) {
      stored.clear()
      commit(n)
    }
    expect(filter.mayHold(keyOf(-2))).toBe(false)
    const [last] = stored
    await walkToEnd()
    expect(walks()).toBe(2)
    expect(filter.mayHold(keyOf(last as number))).toBe(true)
    // Of those before, which are no longer stored, it now knows of few.
    const known = Array.from({ length: 1000 }, (_, n) => filter.mayHold(keyOf(n)))
    expect(known.filter(Boolean).length).toBeLessThan(20)
  })

  it('does not walk again at once where more keys are stored than were expected', async () => {
    const { filter, commit, walks, askUntilWalk, walkToEnd } = setUp({ expected: 1, slice: 1e6 })
    commit(...Array.from({ length: 150_000 }, (_, n) => n))
    askUntilWalk()
    await walkToEnd()
    commit(150_000)
    expect(walks()).toBe(1)
    expect(filter.mayHold(keyOf(150_000))).toBe(true)
  })

  it('never takes a stored key for one that is not there, whatever else happens', async () => {
    const operation = fc.oneof(
      fc.integer({ min: 0, max: 50 }).map((n) => ({ commit: n })),
      fc.constantFrom('step', 'walk', 'fail', 'reset'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        const { filter, stored, commit, askUntilWalk, step, fail } = setUp()
        for (const next of operations) {
          if (typeof next === 'object') {
            commit(next.commit)
          } else if (next === 'step') {
            await step()
          } else if (next === 'walk') {
            askUntilWalk()
          } else if (next === 'fail') {
            fail()
          } else {
            // A commit failed, of which the row is there.
            stored.add(99)
            filter.reset()
          }
          expect([...stored].filter((n) => !filter.mayHold(keyOf(n)))).toEqual([])
        }
      }),
    )
  })
})

describe('a store with many idempotency keys', () => {
  async function openStore() {
    const observed = new Observed(await temporaryDirectory(onTestFinished))
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
    onTestFinished(() => store.close())
    const open = (n: number) => {
      const session = tokenSession(`session ${n}`)
      const idempotency = { bodySha256: new Uint8Array(32), expiresTimeMs: 1e15 }
      const scope = { userId: session.userId, idempotency: scopeOf(n), countOpenOfUser: false }
      return store.insert(scope, ({ idempotency: found }) =>
        found?.session ? { keep: found.session } : { insert: { session, idempotency } },
      )
    }
    await Promise.all(Array.from({ length: LOOKUPS }, (_, n) => open(n)))
    // The walk has begun. Once it has ended, the insert of a new key looks nothing up.
    for (let n = LOOKUPS; ; n++) {
      const before = observed.lookups
      await open(n)
      if (observed.lookups === before) {
        return { observed, store, open }
      }
    }
  }

  it('still finds each of them, those of before the walk and those of after it', async () => {
    const { store, open } = await openStore()
    await open(5000)
    const count = await store.countOpen()
    await open(1)
    await open(5000)
    expect(await store.countOpen()).toBe(count)
  })

  it('finds the key of a commit that was reported as failed but is on disk', async () => {
    const { observed, store, open } = await openStore()
    observed.onWrite = async (write) => {
      observed.onWrite = (next) => next()
      await write()
      throw new Error('the disk did not answer')
    }
    await expect(open(7000)).rejects.toThrow(StoreUnavailableError)
    const count = await untilTaken(() => open(7001).then(() => store.countOpen()))
    await open(7000)
    expect(await store.countOpen()).toBe(count)
  })

  /** Tries until the store writes again. */
  async function untilTaken<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        expect(error).toBeInstanceOf(StoreUnavailableError)
        await setImmediate()
      }
    }
  }
})
