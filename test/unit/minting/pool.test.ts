import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CreateResponse_Body } from '#generated/session/service'
import { SealError } from '../../../src/core/errors.js'
import { uuidText } from '../../../src/core/uuid.js'
import { openSeal } from '../../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { naclEd25519 } from '../../../src/crypto/tweetnacl.js'
import type { Minted, MintJob } from '../../../src/minting/job.js'
import { MintingPool, type PoolKeys, type ThreadPort } from '../../../src/minting/pool.js'
import { type FromThread, serveJobs, type ToThread } from '../../../src/minting/serve.js'
import { newPoolKeys } from '../../support/minting.js'

const owner = sodiumEd25519.signer(randomBytes(32))
const content = Buffer.from('what was signed')
const lifetime = { exp: 2n, nbf: 1n, iat: 1n }
const good = { key: owner.publicKey, sign: owner.sign(content), content }
const bad = { ...good, content: Buffer.from('something else') }
const job = (checks = [good], meta: Uint8Array | null = null): MintJob => ({
  checks,
  mint: { owner: owner.publicKey, lifetime, idBits: null, meta },
})

/** Checks all of a session key by other means than those that made it. */
function expectMinted(minted: Minted | null, keys: PoolKeys, meta: Uint8Array | null = null) {
  const { id, publicKey, seal, bodySignature, metaSignature, signer } = minted as Minted
  const binding = { owner: owner.publicKey, lifetime, publicKey }
  const seed = openSeal(keys.sealing, seal, uuidText(id), binding)
  expect(naclEd25519.publicKey(seed)).toEqual(Uint8Array.from(publicKey))
  expect(signer).toEqual(keys.identity.publicKey)
  const body = CreateResponse_Body.encode({ id, sessionKey: publicKey }).finish()
  expect(naclEd25519.verify(signer, body, bodySignature)).toBe(true)
  expect(meta === null || naclEd25519.verify(signer, meta, metaSignature as Uint8Array)).toBe(true)
}

/** The far end runs in this thread, so that a test sees what is under way, and may end it. */
class NearThread implements ThreadPort {
  readonly #channel = new MessageChannel()
  readonly #ended = new Set<() => void>()
  readonly #events = new EventEmitter()
  readonly #held: (() => void)[] = []
  batches = 0
  /** It takes no message until `release`. */
  isDeaf = false

  constructor() {
    const { port2 } = this.#channel
    serveJobs({
      postMessage: (message: FromThread) => port2.postMessage(message),
      on: (_: 'message', listener: (message: unknown) => void) =>
        port2.on('message', (message) => {
          const take = () => listener(message)
          if (this.isDeaf) {
            this.#held.push(take)
            this.#events.emit('held')
          } else {
            take()
          }
        }),
    } as unknown as MessagePort)
  }

  postMessage(message: ToThread): void {
    this.#channel.port1.postMessage(message)
    if (typeof message === 'number') {
      this.batches++
      this.#events.emit('batch')
    }
  }

  on(event: 'message' | 'error' | 'exit', listener: (message: never) => void): void {
    if (event === 'message') {
      this.#channel.port1.on('message', listener as (message: unknown) => void)
    } else if (event === 'exit') {
      this.#ended.add(listener as unknown as () => void)
    }
  }

  /** Takes the first message that it was deaf to. */
  async release(): Promise<void> {
    while (this.#held.length === 0) {
      await once(this.#events, 'held')
    }
    this.#held.shift()?.()
  }

  async ready(): Promise<void> {
    await once(this.#channel.port1, 'message')
  }

  /** Resolves once it is given its next batch. */
  async nextBatch(): Promise<void> {
    await once(this.#events, 'batch')
  }

  async terminate(): Promise<void> {
    this.#channel.port1.close()
    for (const listener of this.#ended) {
      listener()
    }
  }
}

async function poolWith(keys: () => PoolKeys) {
  const threads: NearThread[] = []
  const events = new EventEmitter()
  let lost = 0
  const pool = new MintingPool({
    threads: 1,
    keys,
    onThreadLost: () => lost++,
    start() {
      const thread = new NearThread()
      threads.push(thread)
      events.emit('start')
      return thread
    },
  })
  onTestFinished(() => pool.close())
  const thread = threads[0] as NearThread
  await thread.ready()
  return { pool, thread, threads, lost: () => lost, nextStart: () => once(events, 'start') }
}

describe.each([0, 1])('with %i threads', (count) => {
  async function anyPool(keys: PoolKeys) {
    if (count === 0) {
      return new MintingPool({ threads: 0, keys: () => keys, onThreadLost: () => {} })
    }
    return (await poolWith(() => keys)).pool
  }

  it('makes a key whose seal opens and whose answer verifies, for each of many jobs', async () => {
    const keys = newPoolKeys()
    const pool = await anyPool(keys)
    const meta = Buffer.from('a meta header')
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) => pool.run(job([good, good], i % 2 ? meta : null))),
    )
    for (const [i, { failedCheck, minted }] of outcomes.entries()) {
      expect(failedCheck).toBeNull()
      expectMinted(minted, keys, i % 2 ? meta : null)
    }
    expect(new Set(outcomes.map(({ minted }) => uuidText((minted as Minted).id))).size).toBe(40)
  })

  it('names the first check that fails, and makes no key then', async () => {
    const pool = await anyPool(newPoolKeys())
    const outcomes = await Promise.all([
      pool.run(job([good, bad, bad])),
      pool.run({ checks: [bad], mint: null }),
      pool.run({ checks: [good], mint: null }),
    ])
    expect(outcomes.map(({ failedCheck }) => failedCheck)).toEqual([1, 0, null])
    expect(outcomes.map(({ minted }) => minted)).toEqual([null, null, null])
  })

  it('tells of a sealing key that is not at hand as a thread alone would', async () => {
    const pool = await anyPool({ ...newPoolKeys(), sealing: { current: 'lost', keys: new Map() } })
    const outcomes = await Promise.allSettled([pool.run(job()), pool.run(job())])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: expect.any(SealError) })
    }
  })
})

it('hands out what came in one turn as one batch', async () => {
  const { pool, thread } = await poolWith(newPoolKeys)
  await Promise.all(Array.from({ length: 10 }, () => pool.run(job())))
  expect(thread.batches).toBe(1)
})

it('does a job here that comes alone', async () => {
  const { pool, thread } = await poolWith(newPoolKeys)
  await pool.run(job())
  expect(thread.batches).toBe(0)
})

it('takes part in what a thread that does not answer leaves waiting', async () => {
  const { pool, thread } = await poolWith(newPoolKeys)
  thread.isDeaf = true
  const runs = Array.from({ length: 110 }, () => pool.run(job()))
  // Two batches of 16 are the thread's, and 64 wait for it.
  await Promise.all(runs.slice(32, 46))
  expect(thread.batches).toBe(2)
  await thread.terminate()
  await Promise.all(runs)
})

it('takes part the sooner, the longer the thread was never without work', async () => {
  const keys = newPoolKeys()
  const { pool, thread } = await poolWith(() => keys)
  thread.isDeaf = true
  const runs: Promise<unknown>[] = []
  for (let i = 0; i < 48; i++) {
    const given = thread.nextBatch()
    runs.push(...Array.from({ length: 16 }, () => pool.run(job())))
    // Its keys come before the first batch. It always has a batch left when it ends one.
    for (let messages = i < 2 ? 0 : i === 2 ? 2 : 1; messages > 0; messages--) {
      await thread.release()
    }
    await given
  }
  await Promise.any(Array.from({ length: 30 }, () => pool.run(job())))
  expect(thread.batches).toBe(48)
  await thread.terminate()
  await Promise.all(runs)
})

it('gives the thread its next batch before it ends one', async () => {
  const { pool, thread } = await poolWith(newPoolKeys)
  thread.isDeaf = true
  const runs = [pool.run(job()), pool.run(job())]
  await thread.nextBatch()
  runs.push(...Array.from({ length: 10 }, () => pool.run(job())))
  await thread.nextBatch()
  runs.push(pool.run(job()))
  await thread.terminate()
  await Promise.all(runs)
  expect(thread.batches).toBe(2)
})

it('does a job here that is too large for the shared memory', async () => {
  const { pool, thread } = await poolWith(newPoolKeys)
  const content = Buffer.alloc(300_000)
  const large = job([{ key: owner.publicKey, sign: owner.sign(content), content }])
  const outcomes = await Promise.all([pool.run(job()), pool.run(large), pool.run(job())])
  expect(outcomes.map(({ failedCheck }) => failedCheck)).toEqual([null, null, null])
  expect(thread.batches).toBeGreaterThan(0)
})

it('uses the keys as they are when a batch goes out', async () => {
  let keys = newPoolKeys()
  const { pool } = await poolWith(() => keys)
  await Promise.all([pool.run(job()), pool.run(job())])
  keys = newPoolKeys()
  const outcomes = await Promise.all([pool.run(job()), pool.run(job())])
  for (const { minted } of outcomes) {
    expectMinted(minted, keys)
  }
})

it('does here what a thread that ends leaves, and starts another', async () => {
  const { pool, thread, threads, lost, nextStart } = await poolWith(newPoolKeys)
  thread.isDeaf = true
  const runs = [pool.run(job()), pool.run(job())]
  await thread.nextBatch()
  const started = nextStart()
  await thread.terminate()
  expect((await Promise.all(runs)).map(({ failedCheck }) => failedCheck)).toEqual([null, null])
  expect(lost()).toBe(1)
  await started
  expect(threads).toHaveLength(2)
})

it('goes on where the system has no thread to give, and asks again', async () => {
  let asked = 0
  const lost: unknown[] = []
  const cause = new Error('no thread')
  const pool = new MintingPool({
    threads: 1,
    keys: newPoolKeys,
    onThreadLost: (error) => lost.push(error),
    start() {
      asked++
      throw cause
    },
  })
  onTestFinished(() => pool.close())
  await expect(pool.run(job())).resolves.toMatchObject({ failedCheck: null })
  await expect.poll(() => asked).toBe(2)
  expect(lost[0]).toBe(cause)
})

it('does every job that is under way when it closes, and starts no thread', async () => {
  const { pool, thread, threads, lost } = await poolWith(newPoolKeys)
  thread.isDeaf = true
  const runs = [pool.run(job()), pool.run(job())]
  await thread.nextBatch()
  await pool.close()
  await Promise.all(runs)
  expect([lost(), threads.length]).toEqual([0, 1])
})
