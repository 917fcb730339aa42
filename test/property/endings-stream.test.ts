import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { sameBytes } from '../../src/core/bytes.js'
import type { SessionEnding } from '../../src/core/session.js'
import type { SessionStore } from '../../src/core/store.js'
import { uuidText, uuidV4Bytes } from '../../src/core/uuid.js'
import { LiveEndings } from '../../src/grpc/services/tokens/live-endings.js'
import { EndedSessions, type EndingsStream } from '../../src/tokens/endings.js'
import { newOwner } from '../support/create.js'
import { ManualTimers } from '../support/manual-timers.js'
import { MemoryStore } from '../support/memory-store.js'
import { pick, type Random, seededRandom } from '../support/mutate.js'
import { ended, insert, tokenSession } from '../support/store-sessions.js'
import { signed } from '../support/watch-stream.js'

const ROUNDS = process.env.SESSIOND_TEST_LONG ? 3_000 : 60
const STEPS = 80
const START_MS = 1_000_000
const identity = newOwner()

/** The store behind servers, whose reads take a while: what commits meanwhile may be in them or not. */
function slow(store: MemoryStore, random: Random): Pick<SessionStore, 'endings' | 'subscribe'> {
  return {
    subscribe: (listener) => store.subscribe(listener),
    endings: async (cursor, limit) => {
      await turns(random, 2)
      const page = await store.endings(cursor, limit)
      await turns(random, 2)
      return page
    },
  }
}

async function turns(random: Random, most: number): Promise<void> {
  for (let i = random(most + 1); i > 0; i--) {
    await setImmediate()
  }
}

/** A verifier behind a network that loses, keeps back, repeats, alters and reorders what servers send. */
class Checker {
  readonly known: EndedSessions
  private way: Buffer[] = []
  private stream: EndingsStream | null = null
  private connection = new AbortController()

  constructor(timers: ManualTimers) {
    this.known = new EndedSessions({
      trusts: (key) => sameBytes(key, identity.publicKey),
      epoch: () => BigInt(Math.floor(timers.nowMs() / 1000)),
      nowMs: timers.nowMs,
    })
  }

  connect(server: LiveEndings): void {
    this.cut()
    const request = randomBytes(32)
    const { signal } = this.connection
    this.stream = this.known.stream(request)
    const way: Buffer[] = []
    this.way = way
    const carry = async () => {
      for await (const message of server.watch(this.known.cursor, request, '192.0.2.1:9', signal)) {
        way.push(message)
      }
    }
    carry().catch(() => {})
  }

  cut(): void {
    this.connection.abort()
    this.connection = new AbortController()
    this.stream = null
    this.way = []
  }

  /** What the network does next. */
  async carry(random: Random, server: LiveEndings): Promise<void> {
    const { way } = this
    const at = random(Math.max(1, way.length))
    const [message] = way.slice(at, at + 1)
    switch (
      pick(random, ['deliver', 'deliver', 'deliver', 'swap', 'lose', 'repeat', 'alter', 'cut'])
    ) {
      case 'swap':
        way.push(...way.splice(at, 1))
        break
      case 'lose':
        way.splice(at, 1)
        break
      case 'repeat':
        way.splice(at, 0, ...(message ? [message] : []))
        break
      case 'alter':
        if (message !== undefined) {
          const copy = Buffer.from(message)
          const byte = random(copy.length)
          copy[byte] = copy.readUInt8(byte) ^ (1 << random(8))
          way[at] = copy
        }
        break
      case 'cut':
        this.connect(server)
        break
      default:
        this.deliver(1 + random(way.length + 1))
    }
    if (this.stream === null) {
      this.connect(server)
    }
  }

  deliver(count = this.way.length): void {
    for (const message of this.way.splice(0, count)) {
      if (this.stream?.accept(message).isGood !== true) {
        this.cut()
        return
      }
    }
  }
}

type Acknowledged = Pick<SessionEnding, 'id' | 'exp'> & { readonly atMs: number }

/** Some sessions, whatever ends them, and whoever must hear of it. Returns how many endings there were. */
async function round(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const timers = new ManualTimers(START_MS)
  const store = new MemoryStore()
  const start = () =>
    new LiveEndings({
      store: slow(store, random),
      nowMs: timers.nowMs,
      after: timers.after,
      answers: { sign: (_, body) => signed(body, identity) },
      onFailure: (error) => {
        throw error
      },
    })
  let server = start()
  const checkers = [new Checker(timers), new Checker(timers), new Checker(timers)]
  const open: Pick<SessionEnding, 'id' | 'exp'>[] = []
  const endings: Acknowledged[] = []

  const end = async (one: Pick<SessionEnding, 'id' | 'exp'>) => {
    const { id, exp } = one
    const timeMs = timers.nowMs()
    if (random(2) === 0) {
      await store.update(id, (session) => ({
        session: ended(session, timeMs, { reason: 'revoked', by: 'a test' }),
      }))
    } else {
      await store.remove(id, () => true, { removal: { reason: 'erased', timeMs } })
    }
    endings.push({ id, exp, atMs: timers.nowMs() })
  }
  const steps = {
    async open() {
      const id = uuidText(uuidV4Bytes(randomBytes(16)))
      const exp = BigInt(Math.floor(timers.nowMs() / 1000) + 5 + random(60))
      const session = tokenSession(id)
      const token = session.token && { ...session.token, lifetime: { exp, nbf: 0n, iat: 0n } }
      await insert(store, { ...session, token })
      open.push({ id, exp })
    },
    async end() {
      await Promise.all(open.splice(0, 1 + random(3)).map(end))
    },
    async wait() {
      timers.advance(random(6_000))
    },
    async sweep() {
      await store.settle(await store.due(timers.nowMs(), 100))
    },
    async kill() {
      server = start()
      for (const checker of checkers) {
        checker.cut()
      }
    },
  }
  const expectTruth = () => {
    const epoch = BigInt(Math.floor(timers.nowMs() / 1000))
    for (const { known } of checkers) {
      for (const { id, exp, atMs } of endings) {
        const mustKnow = exp >= epoch && atMs < (known.verifiedAtMs ?? 0)
        expect(mustKnow && known.find(id) === undefined ? `${id} of seed ${seed}` : '').toBe('')
      }
    }
  }

  const names = ['open', 'open', 'open', 'end', 'end', 'wait', 'wait', 'sweep', 'kill'] as const
  for (let i = 0; i < STEPS; i++) {
    await steps[pick(random, names)]()
    for (const checker of checkers) {
      await turns(random, 4)
      await checker.carry(random, server)
      expectTruth()
    }
  }
  // Once the network does what it should, nothing was lost.
  for (const checker of checkers) {
    checker.connect(server)
  }
  for (let i = 0; i < 40; i++) {
    await setImmediate()
  }
  timers.advance(5_000)
  for (let i = 0; i < 40; i++) {
    await setImmediate()
  }
  const epoch = BigInt(Math.floor(timers.nowMs() / 1000))
  for (const checker of checkers) {
    checker.deliver()
    expectTruth()
    expect(checker.known.verifiedAtMs).toBeGreaterThanOrEqual(timers.nowMs() - 5_000)
    const unknown = endings.filter(({ id, exp }) => exp >= epoch && !checker.known.find(id))
    expect(unknown).toEqual([])
    checker.cut()
  }
  return endings.length
}

it('no checker takes a session for unended that ended before its last verified heartbeat', async () => {
  let endings = 0
  for (let seed = 0; seed < ROUNDS; seed++) {
    endings += await round(seed)
  }
  expect(endings).toBeGreaterThan(10 * ROUNDS)
}, 600_000)
