import { randomBytes } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ended as endedSession } from '../../../../../src/core/endings/expiry-rules.js'
import type { Token } from '../../../../../src/core/session.js'
import { sealSeed } from '../../../../../src/crypto/seal.js'
import { sealCheck } from '../../../../../src/keys/seal-check.js'
import { generateSealingKeys } from '../../../../../src/keys/sealing-keys.js'
import type { ByteLevel } from '../../../../../src/stores/level/byte-level.js'
import { encodeSession, encodeTally } from '../../../../../src/stores/level/layout/codec.js'
import {
  answerKey,
  deadlineKey,
  INFO_KEY,
  indexKeys,
  openedKey,
  RANGES,
  sealKey,
  sessionKey,
  sized,
  TALLY_KEY,
} from '../../../../../src/stores/level/layout/keys.js'
import { entryOf } from '../../../../../src/stores/level/layout/opened.js'
import {
  type RowRepairPorts,
  repairStore,
} from '../../../../../src/stores/level/maintenance/repair.js'
import { readSession } from '../../../../../src/stores/level/read/lookup.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import {
  fillStore,
  NOW_MS,
  PORTS,
  problemsIn,
  type RowLevel,
  rowsIn,
  SEALING_KEYS,
  withLevel,
} from '../../../../support/care.js'
import { auditLevel } from '../../../../support/level-audit.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS } from '../../../../support/store-sessions.js'

const directory = await temporaryDirectory(afterAll)
const whole = join(directory, 'whole')
beforeAll(() => fillStore(whole))

const NOTHING = new Uint8Array()
const answerOf = (key: string) =>
  answerKey({ owner: Uint8Array.of(1), signer: Uint8Array.of(2), key })
const existing = (level: ByteLevel, id: string) => {
  const session = readSession(level, id)
  if (session === undefined) {
    throw new Error(`there is no ${id}`)
  }
  return session
}
const due = (level: ByteLevel, id: string) =>
  deadlineKey({ kind: 'session', timeMs: PORTS.dueAtMs(existing(level, id)), id })
const aliceList = openedKey('alice', '192.0.2.1', 'browser')
const flip = (bytes: Uint8Array, i: number) => {
  const copy = Buffer.from(bytes)
  copy[i] = (copy[i] ?? 0) ^ 1
  return copy
}

interface Damage {
  readonly name: string
  readonly plant: (level: RowLevel) => Promise<unknown>
  /** What the check says. */
  readonly problems: readonly RegExp[]
  /** What the repair says; where it says nothing, it has only made anew what can be derived. */
  readonly repairs?: readonly RegExp[]
  /** Ids of the sessions that are not there afterwards. */
  readonly lost?: readonly string[]
  /** Ids of those that have ended. */
  readonly ended?: readonly string[]
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'a missing row in the list of all',
    plant: (level) => level.del(indexKeys(existing(level, 'alice'))[0]),
    problems: [/^session "alice": .*missing in the list of all/],
  },
  {
    name: 'a missing row in the list of a user',
    plant: (level) => level.del(indexKeys(existing(level, 'alice'))[1]),
    problems: [/^session "alice": .*missing in the list of its user/],
  },
  {
    name: 'rows of a session that is not there',
    plant: async (level) => {
      for (const key of indexKeys(commandSession('gone'))) {
        await level.put(key, NOTHING)
      }
    },
    problems: [/^left over in the list of all.*"gone"/, /^left over in the list of a user.*"gone"/],
    repairs: [/^lost session "gone": a list names it/],
  },
  {
    name: 'a row at another time than its record',
    plant: async (level) => {
      const session = existing(level, 'bob')
      await level.del(indexKeys(session)[0])
      await level.put(indexKeys({ ...session, requestTimeMs: 7 })[0], NOTHING)
    },
    problems: [/^session "bob": .*missing/, /^left over in the list of all.*"bob"/],
  },
  {
    name: 'a missing list of opened sessions',
    plant: (level) => level.del(aliceList),
    problems: [/^session "alice": no command will find it/],
  },
  {
    name: 'an entry of a session that has ended',
    plant: (level) => {
      const session = { ...existing(level, 'bob-ended'), active: true }
      return level.put(openedKey('bob', '192.0.2.1', 'phone'), sized(entryOf(session)))
    },
    problems: [/^left over where commands look.*"bob-ended"/],
  },
  {
    name: 'an entry that stands twice',
    plant: (level) => {
      const entry = sized(entryOf(existing(level, 'alice')))
      return level.put(aliceList, Buffer.concat([entry, entry]))
    },
    problems: [/is not whole.*"alice"/],
  },
  {
    name: 'a list that is cut short',
    plant: (level) => level.put(aliceList, Buffer.of(0, 9, 1)),
    problems: [/^session "alice": no command will find it/, /is not whole/],
  },
  {
    name: 'a wrong count of open sessions',
    plant: (level) => level.put(TALLY_KEY, encodeTally({ openSessions: 9, commits: 1 })),
    problems: [/^4 sessions are open, but 9 were counted$/],
  },
  {
    name: 'no count of open sessions',
    plant: (level) => level.del(TALLY_KEY),
    problems: [/^4 sessions are open, but 0 were counted$/],
  },
  {
    name: 'rows of no kind',
    plant: (level) =>
      Promise.all(['a', 'jj', 'mother', 'z'].map((key) => level.put(Buffer.from(key), NOTHING))),
    problems: [/^4 rows are of no kind/],
    repairs: [/^dropped: 4 rows of no kind|4 rows are of no kind/],
  },
  {
    name: 'a record that cannot be read',
    plant: (level) => level.put(sessionKey('alice'), Buffer.from('ffff', 'hex')),
    problems: [
      /^session "alice": its record cannot be read/,
      /left over in the list of all/,
      /left over in the list of a user/,
      /left over where commands look/,
      /3 sessions are open, but 4/,
    ],
    repairs: [/^dropped session "alice": its record cannot be read/],
    lost: ['alice'],
  },
  {
    name: 'a record under the id of another',
    plant: (level) => level.put(sessionKey('alicf'), encodeSession(existing(level, 'alice'))),
    problems: [/^session "alicf": its record is one of session "alice"/],
    repairs: [/^dropped session "alicf"/],
  },
  {
    name: 'a record with a time beyond all time',
    plant: (level) =>
      level.put(
        sessionKey('alice'),
        encodeSession({ ...existing(level, 'alice'), requestTimeMs: 2 ** 60 }),
      ),
    problems: [
      /^session "alice": its record cannot be read$/,
      /left over/,
      /left over/,
      /left over/,
      /counted/,
    ],
    repairs: [/^dropped session "alice"/],
    lost: ['alice'],
  },
  {
    name: 'a missing seal',
    plant: (level) => level.del(sealKey('token-1')),
    problems: [/^session "token-1": its sealed key is missing/],
    repairs: [/^ended session "token-1": its sealed key is missing/],
    ended: ['token-1'],
  },
  {
    name: 'a seal that was altered',
    plant: async (level) =>
      level.put(sealKey('token-1'), flip(level.getSync(sealKey('token-1')) ?? NOTHING, 60)),
    problems: [/^session "token-1": the sealed key does not open/],
    repairs: [/^ended session "token-1": the sealed key does not open/, /dropped the sealed key/],
    ended: ['token-1'],
  },
  {
    name: 'the seal of another session',
    plant: async (level) =>
      level.put(sealKey('token-1'), level.getSync(sealKey('token-2')) ?? NOTHING),
    problems: [/^session "token-1": the sealed key does not open/],
    repairs: [/^ended session "token-1"/, /dropped the sealed key/],
    ended: ['token-1'],
  },
  {
    name: 'a seal of a key that is not that of the record',
    plant: async (level) => {
      const { token } = existing(level, 'token-1')
      await level.put(
        sealKey('token-1'),
        sealSeed(SEALING_KEYS, randomBytes(32), 'token-1', token as Token),
      )
    },
    problems: [/^session "token-1": the sealed key is not that of its public key/],
    repairs: [/^ended session "token-1"/, /dropped the sealed key/],
    ended: ['token-1'],
  },
  {
    name: 'the seal of a session that has ended',
    plant: async (level) =>
      level.put(sealKey('token-ended'), level.getSync(sealKey('token-2')) ?? NOTHING),
    problems: [/^left over in the sealed keys.*"token-ended"/],
    repairs: [/^dropped the sealed key of session "token-ended"/],
  },
  ...['token-1', 'alice', 'bob-ended'].map((id) => ({
    name: `no deadline for ${id}`,
    plant: async (level: RowLevel) => {
      // An ended one still has that of its end.
      for await (const key of level.keys(RANGES.deadlines)) {
        if (key.toString().endsWith(id) && key[9] === 0) {
          await level.del(key)
        }
      }
    },
    problems: [new RegExp(`^session "${id}": no deadline will lead`)],
    repairs: [new RegExp(`^mended session "${id}": no deadline`)],
  })),
  {
    name: 'a deadline after the end of a token session',
    plant: async (level) => {
      await level.del(due(level, 'token-1'))
      await level.put(deadlineKey({ kind: 'session', timeMs: 9e12, id: 'token-1' }), NOTHING)
    },
    problems: [/^session "token-1": no deadline will lead/],
    repairs: [/^mended session "token-1"/],
  },
  {
    name: 'a deadline that cannot be read',
    plant: (level) => level.put(Buffer.from('x1234567890'), NOTHING),
    problems: [/^a deadline /],
    repairs: [/^dropped a deadline /],
  },
  {
    name: 'an idempotency key without a deadline',
    plant: (level) =>
      level.del(
        deadlineKey({
          kind: 'idempotency',
          timeMs: 4_000_000,
          scope: { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'token-1' },
        }),
      ),
    problems: [/^an idempotency key of session "token-1": no deadline/],
  },
  {
    name: 'an idempotency entry that cannot be read',
    plant: (level) => level.put(answerOf('token-1'), Buffer.from('ffff', 'hex')),
    problems: [/^an idempotency key cannot be read/],
    repairs: [/^dropped an idempotency key cannot be read/],
  },
]

/** A copy of the store with this damage in it. */
async function damaged({ name, plant }: Damage): Promise<string> {
  const location = join(await temporaryDirectory(onTestFinished), name.replaceAll(' ', '-'))
  await cp(whole, location, { recursive: true })
  await withLevel(location, plant)
  return location
}

async function repair(location: string, ports: Partial<RowRepairPorts> = {}) {
  const places = {
    made: `${location}.made`,
    saved: `${location}.saved`,
    stage: `${location}.stage`,
  }
  for (const place of Object.values(places)) {
    await rm(place, { recursive: true, force: true })
  }
  const lines: string[] = []
  const all = { ...PORTS, epochs: EPOCHS, nowMs: NOW_MS, ...ports }
  for await (const line of repairStore(location, places, all)) {
    lines.push(line)
  }
  return { made: places.made, lines }
}

const IDS = ['token-1', 'token-2', 'token-ended', 'alice', 'bob', 'bob-ended']
const stateOf = (location: string) =>
  withLevel(location, async (level) =>
    Object.fromEntries(IDS.map((id) => [id, readSession(level, id)])),
  )

function expectLines(lines: readonly string[], patterns: readonly RegExp[]): void {
  expect(lines).toEqual(patterns.map((pattern) => expect.stringMatching(pattern)))
}

describe('the check', () => {
  it('finds nothing in a store that is whole', async () => {
    expect(await problemsIn(whole)).toEqual([])
    expect(await auditLevel(whole)).toEqual([])
  })

  it.each(DAMAGES)('finds $name', async (damage) => {
    expectLines(await problemsIn(await damaged(damage)), damage.problems)
  })
})

describe('the repair', () => {
  it('leaves a store that is whole as it was, row by row', async () => {
    const { made, lines } = await repair(whole)
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })

  it.each(DAMAGES)('mends $name, and drops no more than it must', async (damage) => {
    const location = await damaged(damage)
    const before = await rowsIn(location)
    const { made, lines } = await repair(location)
    expectLines(lines, damage.repairs ?? [])
    expect(await problemsIn(made)).toEqual([])
    expect(await auditLevel(made)).toEqual([])
    const was = await stateOf(whole)
    for (const [id, session] of Object.entries(await stateOf(made))) {
      const old = was[id] ?? null
      const isEnded = damage.ended?.includes(id) && old
      const expected = isEnded ? endedSession(old, NOW_MS) : old
      expect(session).toEqual(damage.lost?.includes(id) ? undefined : expected)
    }
    expect(await rowsIn(location)).toEqual(before)
  })

  it('ends nothing where the sealing keys are those of another server', async () => {
    const { current } = generateSealingKeys(randomBytes)
    const others = { current, keys: new Map([[current, new Uint8Array(32)]]) }
    const { made, lines } = await repair(whole, { trySeal: sealCheck(() => others) })
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })

  it('refuses sealing keys of the right name that open nothing', async () => {
    const trySeal = () => ({ opens: false, reason: 'does not open', isKeyMissing: false }) as const
    await expect(repair(whole, { trySeal })).rejects.toMatchObject({ code: 'STORE_MISMATCH' })
  })

  it('keeps seals where no sealing keys are at hand', async () => {
    const location = await damaged(DAMAGES.find(({ name }) => /altered/.test(name)) as Damage)
    const { made, lines } = await repair(location, { trySeal: null })
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(location))
  })

  it.each(['', 'ff', '080110ffffffffffffffff7f', '080110001800'])(
    'takes them too where its own cannot be read: %j, which no server starts with',
    async (info) => {
      const plant = (level: RowLevel) => level.put(INFO_KEY, Buffer.from(info, 'hex'))
      const location = await damaged({ name: 'facts that are none', plant, problems: [] })
      const opened = LevelStore.open(location, { epochs: EPOCHS })
      await expect(opened).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
      const { made, lines } = await repair(location)
      expectLines(lines, [/^dropped the store: its record of layout/, /^mended: the epochs/])
      expect(await rowsIn(made)).toEqual(await rowsIn(whole))
    },
  )

  it('refuses other epochs than the store was made with, as servers do', async () => {
    const epochs = { ...EPOCHS, lengthMs: 2 * EPOCHS.lengthMs }
    await expect(repair(whole, { epochs })).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringMatching(/was made with .* --epoch-length 1000ms/),
    })
  })

  it('takes the epochs of the options where the store has lost its own', async () => {
    const location = await damaged({
      name: 'no facts',
      plant: (level) => level.del(INFO_KEY),
      problems: [],
    })
    const { made, lines } = await repair(location)
    expectLines(lines, [/^mended: the epochs/])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })
})
