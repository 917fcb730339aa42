import { randomBytes } from 'node:crypto'
import { beforeEach, expect, it, vi } from 'vitest'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import type { Token } from '../../../../src/core/session.js'
import { type ResealProgress, resealAll } from '../../../../src/core/upkeep/reseal.js'
import { openSeal, resealSeed, type SealingKeys, sealSeed } from '../../../../src/crypto/seal.js'
import { generateSealingKeys } from '../../../../src/keys/sealing-keys.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { commandSession, ended, insert, tokenSession } from '../../../support/store-sessions.js'

const SEED = new Uint8Array(32).fill(5)
const IDS = ['a', 'b', 'c']

let store: MemoryStore
let keys: SealingKeys

/** Another key seals from now on; the others still open. */
function rotate(): void {
  const made = generateSealingKeys(randomBytes)
  keys = { current: made.current, keys: new Map([...keys.keys, ...made.keys]) }
}

const ports = (reseal = resealSeed) => ({
  store,
  currentKey: () => keys.current,
  reseal: (seal: Uint8Array, id: string, token: Token) => reseal(keys, seal, id, token),
})

async function run(with_ = ports()): Promise<ResealProgress[]> {
  const steps: ResealProgress[] = []
  for await (const step of resealAll(with_)) {
    steps.push(step)
  }
  return steps
}

async function keyIdOf(id: string): Promise<string> {
  const seal = await store.seal(id)
  return Buffer.from(seal?.subarray(2, 2 + (seal[1] ?? 0)) ?? []).toString()
}

async function open(id: string): Promise<void> {
  const session = tokenSession(id)
  await insert(store, session, { seal: sealSeed(keys, SEED, id, session.token as Token) })
}

beforeEach(async () => {
  store = new MemoryStore()
  keys = generateSealingKeys(randomBytes)
  await Promise.all(IDS.map(open))
})

it('seals with the current key what older ones sealed, to the same seeds', async () => {
  rotate()
  await open('d')
  await insert(store, commandSession('of a command'))
  const steps = await run()
  const counts = { checked: 4, resealed: 3, failed: 0, total: 4 }
  expect(steps.at(-1)).toEqual({ ...counts, newlyFailedIds: [] })
  const newest = { current: keys.current, keys: new Map([...keys.keys].slice(-1)) }
  for (const id of [...IDS, 'd']) {
    const token = tokenSession(id).token as Token
    expect(openSeal(newest, (await store.seal(id)) as Uint8Array, id, token)).toEqual(SEED)
  }
  expect((await run()).at(-1)).toMatchObject({ checked: 4, resealed: 0 })
})

it('ends only when every seal has the current key, also where that changes while seals are compacted', async () => {
  rotate()
  const compact = vi.spyOn(store, 'compactSeals').mockImplementationOnce(async () => rotate())
  await run()
  expect(await Promise.all(IDS.map(keyIdOf))).toEqual(IDS.map(() => keys.current))
  expect(compact).toHaveBeenCalledTimes(2)
})

it('tells once of each seal that does not open, leaves it, and goes on', async () => {
  const bad = Uint8Array.from((await store.seal('b')) as Uint8Array)
  bad.set([(bad.at(-1) ?? 0) ^ 1], bad.length - 1)
  await store.reseal('b', () => bad)
  rotate()
  // A key that comes meanwhile makes a second walk, in which it fails again.
  let rotations = 0
  const steps = await run(
    ports((...args) => {
      if (rotations++ === 0) {
        rotate()
      }
      return resealSeed(...args)
    }),
  )
  expect(steps.flatMap(({ newlyFailedIds }) => newlyFailedIds)).toEqual(['b'])
  expect(steps.at(-1)).toMatchObject({ failed: 1, checked: 3 })
  await expect(store.seal('b')).resolves.toEqual(bad)
  await expect(keyIdOf('c')).resolves.toBe(keys.current)
})

it('leaves nothing under an older key where the key changes meanwhile', async () => {
  rotate()
  let looked = 0
  await run(
    ports((...args) => {
      const resealed = resealSeed(...args)
      if (++looked === 2) {
        rotate()
      }
      return resealed
    }),
  )
  for (const id of IDS) {
    await expect(keyIdOf(id)).resolves.toBe(keys.current)
  }
})

it('does not mind sessions that end or are deleted meanwhile', async () => {
  rotate()
  const walkSeals = store.walkSeals.bind(store)
  store.walkSeals = async function* () {
    for await (const ids of walkSeals()) {
      await store.update('a', (session) => ({ session: ended(session) }))
      await store.remove('b', () => true)
      yield ids
    }
  }
  expect((await run()).at(-1)).toMatchObject({ resealed: 1, failed: 0 })
  await expect(store.seal('a')).resolves.toBeUndefined()
})

it('stops at what is no fault of a seal', async () => {
  rotate()
  const failure = new StoreUnavailableError('a write failed')
  await expect(
    run(
      ports(() => {
        throw failure
      }),
    ),
  ).rejects.toBe(failure)
})
