import { randomBytes } from 'node:crypto'
import { deadlineOfEnding } from '../../src/core/endings/session-endings.js'
import type { Token } from '../../src/core/session.js'
import { sealSeed } from '../../src/crypto/seal.js'
import type { ByteLevel } from '../../src/stores/level/byte-level.js'
import {
  deadlineKey,
  entryKey,
  indexKeys,
  keyInDeadline,
  openedKey,
  RANGES,
  sealKey,
  sessionKey,
  TALLY_KEY,
} from '../../src/stores/level/layout/keys.js'
import { entryOf } from '../../src/stores/level/layout/opened.js'
import { encodeTally } from '../../src/stores/level/layout/tally.js'
import { readSession } from '../../src/stores/level/read/lookup.js'
import { encodeSession } from '../../src/stores/rows/codec.js'
import { sized } from '../../src/stores/rows/key-parts.js'
import { DELETED_ID, ENDED_ID, PORTS, type RowLevel, SEALING_KEYS, TOKEN_EXP } from './care.js'
import { commandSession, EPOCHS } from './store-sessions.js'

const NOTHING = new Uint8Array()
const answerOf = (key: string) =>
  entryKey({ owner: Uint8Array.of(1), signer: Uint8Array.of(2), key })
const existing = (level: ByteLevel, id: string) => {
  const session = readSession(level, id)
  if (session === undefined) {
    throw new Error(`there is no ${id}`)
  }
  return session
}
const due = (level: ByteLevel, id: string) =>
  deadlineKey({ kind: 'session', timeMs: PORTS.dueAtMs(existing(level, id)), id })
const endingDeadline = (id: string) => deadlineKey(deadlineOfEnding({ id, exp: TOKEN_EXP }, EPOCHS))
const endingOf = (level: ByteLevel, id: string) =>
  keyInDeadline(level.getSync(endingDeadline(id))) as Buffer
const aliceList = openedKey('alice', '192.0.2.1', 'browser')
const flip = (bytes: Uint8Array, i: number) => {
  const copy = Buffer.from(bytes)
  copy[i] = (copy[i] ?? 0) ^ 1
  return copy
}

/** A way in which rows of a store may be damaged, and what is said and done about it. */
export interface RowDamage {
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

/** Damages of the store that `fillStore` makes. */
export const ROW_DAMAGES: readonly RowDamage[] = [
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
  {
    name: 'an ending without a deadline',
    plant: (level) => level.del(endingDeadline(ENDED_ID)),
    problems: [
      new RegExp(`"${ENDED_ID}": nobody will be told that it ended`),
      new RegExp(`"${ENDED_ID}": no deadline will delete its ending`),
    ],
  },
  {
    name: 'a deadline of an ending that is not there',
    plant: async (level) => level.del(endingOf(level, ENDED_ID)),
    problems: [new RegExp(`"${ENDED_ID}": its ending is missing`)],
  },
  {
    name: 'a session that ended without an ending',
    plant: async (level) => {
      await level.del(endingOf(level, ENDED_ID))
      await level.del(endingDeadline(ENDED_ID))
    },
    problems: [new RegExp(`"${ENDED_ID}": nobody will be told that it ended`)],
  },
  {
    name: 'an ending that cannot be read',
    plant: (level) => level.put(endingOf(level, DELETED_ID), Buffer.from('ffff', 'hex')),
    problems: [new RegExp(`"${DELETED_ID}": its ending cannot be read`)],
    repairs: [new RegExp(`dropped session "${DELETED_ID}": its ending cannot be read`)],
  },
  {
    name: 'an ending under the id of another',
    plant: async (level) => {
      const value = level.getSync(endingOf(level, ENDED_ID)) as Uint8Array
      await level.put(endingOf(level, DELETED_ID), value)
    },
    problems: [new RegExp(`"${DELETED_ID}": its ending is one of session "${ENDED_ID}"`)],
    repairs: [new RegExp(`dropped session "${DELETED_ID}": its ending is one of session`)],
  },
]
