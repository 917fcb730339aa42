import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { StoreDamagedError, StoreUnavailableError } from '../../../../../src/core/errors.js'
import type { SessionStore } from '../../../../../src/core/store.js'
import { uuidText, uuidV4Bytes } from '../../../../../src/core/uuid.js'
import { LiveEndings } from '../../../../../src/grpc/services/tokens/live-endings.js'
import { Watcher } from '../../../../../src/grpc/services/tokens/watcher.js'
import { EndedSessions } from '../../../../../src/tokens/endings.js'
import { newOwner } from '../../../../support/create.js'
import { ManualTimers } from '../../../../support/manual-timers.js'
import { MemoryStore } from '../../../../support/memory-store.js'
import { commandSession, ended, insert, tokenSession } from '../../../../support/store-sessions.js'
import { signed } from '../../../../support/watch-stream.js'

const identity = newOwner()
const PEER = '192.0.2.1:4711'

function setUp(
  over: Partial<SessionStore> = {},
  sign = (body: Uint8Array) => signed(body, identity),
) {
  const timers = new ManualTimers(1_000_000)
  const store = new MemoryStore()
  const failures: unknown[] = []
  let signatures = 0
  const live = new LiveEndings({
    store: Object.assign(Object.create(store), over),
    nowMs: timers.nowMs,
    after: timers.after,
    answers: {
      sign(_, body) {
        signatures++
        return sign(body)
      },
    },
    onFailure: (error) => failures.push(error),
  })
  const end = async () => {
    const id = uuidText(uuidV4Bytes(randomBytes(16)))
    await insert(store, tokenSession(id))
    await store.update(id, (session) => ({ session: ended(session) }))
    return id
  }
  /** A verified stream: what is known, and every message as it came. */
  const watch = (cursor: Uint8Array = new Uint8Array(), peer = PEER) => {
    const request = randomBytes(32)
    const controller = new AbortController()
    const known = new EndedSessions({ trusts: () => true, nowMs: timers.nowMs })
    const stream = known.stream(request)
    const done = (async () => {
      for await (const message of live.watch(cursor, request, peer, controller.signal)) {
        expect(stream.accept(message)).toMatchObject({ isGood: true })
      }
    })()
    const over = done.catch((error: Error) => error)
    return { known, stream, over, stop: () => controller.abort(new Error('gone')) }
  }
  return { timers, store, live, failures, end, watch, signatures: () => signatures }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await setImmediate()
  }
}

it('tells many more than fit into a message, and signs what is live once for all', async () => {
  const set = setUp()
  const before = await Promise.all(Array.from({ length: 300 }, set.end))
  const watchers = Array.from({ length: 20 }, () => set.watch())
  await settled()
  for (const { known, stream } of watchers) {
    expect(stream.isCaughtUp).toBe(true)
    expect(before.every((id) => known.find(id))).toBe(true)
  }
  const signatures = set.signatures()
  const id = await set.end()
  set.timers.advance(50)
  await settled()
  expect(watchers.every(({ known }) => known.find(id))).toBe(true)
  expect(set.signatures()).toBe(signatures + 1)
  expect(set.live.report()).toEqual({ watchers: 20, told: 1, lagMs: 50 })
  for (const { stop, over } of watchers) {
    stop()
    expect(await over).toMatchObject({ message: 'gone' })
  }
  expect(set.live.report()).toEqual({ watchers: 0, told: 1, lagMs: 0 })
})

it('says every 5 seconds that nothing was missed', async () => {
  const { timers, watch } = setUp()
  const { known } = watch()
  await settled()
  expect(known.verifiedAtMs).toBe(1_000_000)
  timers.advance(4_999)
  await settled()
  expect(known.verifiedAtMs).toBe(1_000_000)
  timers.advance(1)
  await settled()
  expect(known.verifiedAtMs).toBe(1_005_000)
})

it('says which ending is damaged and what to do, and neither leaves it out nor says that nothing was missed', async () => {
  let isDamaged = false
  const set = setUp({
    endings: (cursor, limit) =>
      isDamaged
        ? Promise.reject(new StoreDamagedError('session "a": its ending is missing'))
        : set.store.endings(cursor, limit),
  })
  const { known } = set.watch()
  await settled()
  isDamaged = true
  set.timers.advance(5_000)
  await settled()
  const told = {
    code: 'STORE_DAMAGED',
    message: expect.stringMatching(
      /^session "a": its ending is missing\. .*"sessiond check" shows/,
    ),
  }
  expect(set.failures).toEqual([expect.objectContaining(told)])
  expect(known.verifiedAtMs).toBe(1_000_000)
  await expect(set.watch().over).resolves.toMatchObject(told)
})

it('says so no more while the store cannot be read, and tells what was missed once it can', async () => {
  const problem = new StoreUnavailableError('away')
  let isAway = false
  const set = setUp({
    endings: (cursor, limit) =>
      isAway ? Promise.reject(problem) : set.store.endings(cursor, limit),
  })
  const { known } = set.watch()
  await settled()
  isAway = true
  const id = await set.end()
  set.timers.advance(5_000)
  await settled()
  expect(set.failures).toEqual([problem, problem])
  expect(known.verifiedAtMs).toBe(1_000_000)
  expect(set.live.report().lagMs).toBe(5_000)
  await expect(set.watch().over).resolves.toBe(problem)
  isAway = false
  set.timers.advance(5_000)
  await settled()
  expect(known.find(id)).toBeDefined()
  expect(known.verifiedAtMs).toBe(1_010_000)
})

it('reads nothing where no token session ended', async () => {
  let reads = 0
  const set = setUp({
    endings: (cursor, limit) => {
      reads++
      return set.store.endings(cursor, limit)
    },
  })
  const id = await set.end()
  set.watch()
  await settled()
  reads = 0
  await insert(set.store, commandSession('1'))
  await set.store.update('1', (session) => ({ session: ended(session) }))
  await set.store.remove(id, () => true)
  set.timers.advance(4_000)
  await settled()
  expect(reads).toBe(0)
  await set.end()
  set.timers.advance(50)
  await settled()
  expect(reads).toBe(1)
})

it('goes on from a cursor, and begins anew for one that is none', async () => {
  const set = setUp()
  await set.end()
  const first = set.watch()
  await settled()
  first.stop()
  const id = await set.end()
  const second = set.watch(first.known.cursor)
  const third = set.watch(Buffer.from('no cursor'))
  await settled()
  expect([second.known.size, third.known.size]).toEqual([1, 2])
  expect(second.known.find(id)).toBeDefined()
})

it('lets an address have no more than so many watches', async () => {
  const { watch } = setUp()
  const all = Array.from({ length: 2_000 }, () => watch())
  await settled()
  await expect(watch().over).resolves.toMatchObject({ code: 'BUSY' })
  const other = watch(undefined, '[2001:db8::1]:4711')
  await settled()
  expect(other.stream.isCaughtUp).toBe(true)
  all[0]?.stop()
  await settled()
  const next = watch()
  await settled()
  expect(next.stream.isCaughtUp).toBe(true)
  for (const { stop } of [...all, other, next]) {
    stop()
  }
})

it('lets no more than so many watches be, from wherever they come', async () => {
  const { live } = setUp({}, () => Buffer.of())
  const { signal } = new AbortController()
  const watch = (peer: string) => live.watch(new Uint8Array(), randomBytes(32), peer, signal)
  const all = Array.from({ length: 10_000 }, (_, i) => watch(`192.0.2.${i % 250}:4711`))
  await Promise.all(all.map((one) => one.next()))
  expect(live.report().watchers).toBe(10_000)
  await expect(watch(PEER).next()).rejects.toMatchObject({ code: 'BUSY' })
  await all[0]?.return()
  expect((await watch(PEER).next()).done).toBe(false)
})

it('cuts a watcher that takes less than it is told, and keeps nothing for it', async () => {
  const watcher = new Watcher(new AbortController().signal)
  const message = Buffer.from('a message')
  watcher.push([message])
  const messages = watcher.messages()
  expect((await messages.next()).value).toBe(message)
  for (let i = 0; i < 2_000; i++) {
    watcher.push([message])
  }
  await expect(
    (async () => {
      for await (const told of messages) {
        expect(told).toBe(message)
      }
    })(),
  ).rejects.toMatchObject({ code: 'BUSY' })
})
