import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Sessions } from '../../src/core/commands/sessions.js'
import type { TokenSession } from '../../src/core/create/create.js'
import { anySigner } from '../../src/core/create/owner.js'
import { Expiry } from '../../src/core/endings/expiry.js'
import { EpochClock } from '../../src/core/epoch.js'
import type { SessionStore } from '../../src/core/store.js'
import { eraseSubject } from '../../src/core/upkeep/subject.js'
import { revokeSession } from '../../src/core/use/revoke.js'
import { type SignPorts, signUnder } from '../../src/core/use/sign.js'
import { openSeal, type SealingKeys, sealSeed } from '../../src/crypto/seal.js'
import { signOnce, sodiumEd25519, sodiumRandomBytes } from '../../src/crypto/sodium.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { pick, seededRandom } from '../support/mutate.js'
import { temporaryDirectory } from '../support/process.js'
import { EPOCHS, insert, tokenSession } from '../support/store-sessions.js'
import { haveValkey, startValkeyCluster } from '../support/valkey-cluster.js'
import { openValkeyStore } from '../support/valkey-store.js'

const ROUNDS = process.env.SESSIOND_TEST_LONG ? 10_000 : 300
const CLUSTER_ROUNDS = process.env.SESSIOND_TEST_LONG ? 10_000 : 100
const AT_ONCE = 20
const SIGNERS = 4
const EXP = 1000n
const caller = { name: 'test', address: 'here' }
const keys: SealingKeys = { current: 'k', keys: new Map([['k', sodiumRandomBytes(32)]]) }

/** The store, whose reads take their time to arrive: whoever decides on one must still hold the session. */
function slow(store: SessionStore, wait: () => Promise<void>): SessionStore {
  const late =
    <Args extends unknown[], T>(read: (...args: Args) => Promise<T>) =>
    async (...args: Args) => {
      const found = await read(...args)
      await wait()
      return found
    }
  return Object.assign(Object.create(store), {
    get: late((id: string) => store.get(id)),
    seal: late((id: string) => store.seal(id)),
    reseal: late((...args: Parameters<SessionStore['reseal']>) => store.reseal(...args)),
  })
}

/** What ends a session; each resolves once the ending is acknowledged. */
const ENDINGS = ['revoke', 'close', 'delete', 'erase', 'expire'] as const

/** Where keys sign and where sessions end: two servers of one store, or the same. */
interface Servers {
  readonly signing: SessionStore
  readonly ending: SessionStore
}

/** One session, signed with by several while one thing ends it. Returns how many signed, and what was wrong. */
async function round(
  { signing: signingStore, ending: store }: Servers,
  seed: number,
): Promise<{ signed: number; problems: string[] }> {
  const random = seededRandom(seed)
  const problems: string[] = []
  let nowMs = 500_000
  const clock = new EpochClock(EPOCHS, () => nowMs)
  const limits = { idleTimeoutMs: 0, maxSessionAgeMs: 0, retentionMs: 1e9 }
  const expiry = new Expiry(store, clock, limits)
  const audit = { check: async () => {}, record: async () => {} }
  const ports = { store, expiry, audit, clock, owners: anySigner, newId: () => randomUUID() }
  const id = randomUUID()
  const secret = sodiumRandomBytes(32)
  const owner = Uint8Array.from(Buffer.from(`owner of ${id}`))
  const token = {
    owner,
    publicKey: sodiumEd25519.publicKey(secret),
    lifetime: { exp: EXP, nbf: 0n, iat: 0n },
  }
  const session = tokenSession(id, { userId: id, token })
  const sweepAtMs = clock.endsAtMs(EXP)
  await insert(store, session, { seal: sealSeed(keys, secret, id, token), sweepAtMs })
  let isOver = false
  let signed = 0
  const signPorts: SignPorts = {
    ...ports,
    store: slow(signingStore, () => wait()),
    allows: () => false,
    limit() {},
  }
  const signWith = async (seal: Uint8Array, of: TokenSession) => {
    // It comes to a worker thread late.
    await wait()
    // Two servers share no lock: what was made after the ending must then not leave.
    if (isOver && signingStore === store) {
      problems.push(`seed ${seed}: the key signed after the ending`)
    }
    signed++
    return signOnce(openSeal(keys, seal, of.id, of.token), of.token.publicKey, [owner])
  }
  const claim = {
    ...{ id, owner, publicKey: token.publicKey, signer: owner, caller },
    ...{ verb: 'OBJECT_PUT', data: [owner] },
  }
  const sign = async () => {
    const isLate = isOver || clock.now() > EXP
    await signUnder(claim, signPorts, signWith)
    if (isLate) {
      problems.push(`seed ${seed}: a signature asked for after the ending or exp left`)
    }
  }
  const wait = async () => {
    for (let turns = random(6); turns > 0; turns--) {
      await setImmediate()
    }
  }
  const { atLimit, ...quota } = {
    maxSessionsPerOwner: 0,
    maxSessions: 0,
    atLimit: 'refuse' as const,
  }
  const sessions = new Sessions(ports, { ...quota, atLimit, maxDataBytes: 1000 })
  const ends: Record<(typeof ENDINGS)[number], () => Promise<unknown>> = {
    revoke: () => revokeSession(id, owner, caller, ports),
    close: () => sessions.close(id, caller),
    delete: () => sessions.delete(id, {}, caller),
    erase: () => eraseSubject(store, expiry, session.userId),
    expire: async () => {
      nowMs = sweepAtMs + 1
      // For a moment no server may have the lease of a shard: nobody sweeps it then.
      do {
        await expiry.sweep.drain()
      } while ((await store.get(id))?.active)
    },
  }
  const ending = pick(random, ENDINGS)
  const end = async () => {
    await wait()
    await ends[ending]()
    isOver = true
  }
  const signing = Array.from({ length: SIGNERS }, async () => {
    for (;;) {
      await wait()
      try {
        await sign()
      } catch {
        return
      }
    }
  })
  await Promise.all([end(), ...signing])
  await expect(sign()).rejects.toMatchObject({
    code: expect.stringMatching(/SESSION_ENDED|NOT_FOUND/),
  })
  if ((await store.seal(id)) !== undefined) {
    problems.push(`seed ${seed}: a seal stays after ${ending}`)
  }
  return { signed, problems }
}

async function race(servers: Servers, rounds: number): Promise<void> {
  let signed = 0
  const problems: string[] = []
  for (let first = 0; first < rounds; first += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, i) => round(servers, first + i))
    for (const result of await Promise.all(some)) {
      signed += result.signed
      problems.push(...result.problems)
    }
  }
  expect(problems).toEqual([])
  // There was a race: keys did sign before.
  expect(signed).toBeGreaterThan(rounds / 4)
}

const NEVER = 'no key signs once its session has ended, by whatever, or its lifetime is over'

test(`in ${ROUNDS} races ${NEVER}`, async () => {
  const store = await LevelStore.open(await temporaryDirectory(onTestFinished), { epochs: EPOCHS })
  onTestFinished(() => store.close())
  await race({ signing: store, ending: store }, ROUNDS)
}, 600_000)

describe.skipIf(!haveValkey())('on servers that share a cluster', () => {
  test(`in ${CLUSTER_ROUNDS} races ${NEVER}`, async () => {
    const { addresses } = await startValkeyCluster(onTestFinished)
    const open = async () => {
      const store = await openValkeyStore(addresses, { replicas: 1 })
      onTestFinished(() => store.close())
      return store
    }
    await race({ signing: await open(), ending: await open() }, CLUSTER_ROUNDS)
  }, 600_000)
})
