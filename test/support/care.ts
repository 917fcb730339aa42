import { randomBytes } from 'node:crypto'
import { Level } from 'level'
import { ExpiryRules } from '../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../src/core/epoch.js'
import type { Session } from '../../src/core/session.js'
import { type SealingKeys, sealSeed } from '../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sealCheck } from '../../src/keys/seal-check.js'
import { generateSealingKeys } from '../../src/keys/sealing-keys.js'
import { ByteLevel, type RawLevel } from '../../src/stores/level/byte-level.js'
import { Database } from '../../src/stores/level/database.js'
import { decodeInfo, encodeInfo } from '../../src/stores/level/layout/info.js'
import {
  INFO_KEY,
  idOfEnding,
  PLACE_BYTES,
  RANGES,
  TALLY_KEY,
} from '../../src/stores/level/layout/keys.js'
import { decodeTally } from '../../src/stores/level/layout/tally.js'
import { checkStore } from '../../src/stores/level/maintenance/check.js'
import { View } from '../../src/stores/level/read/view.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { withChecksum } from '../../src/stores/rows/checksum.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from './store-sessions.js'

export const SEALING_KEYS: SealingKeys = generateSealingKeys(randomBytes)
export const NOW_MS = 1_000_000
/** Of the token sessions. */
export const TOKEN_EXP = 4000n
const HOUR_MS = 3_600_000

const deadlines = new ExpiryRules(new EpochClock(EPOCHS, () => NOW_MS), {
  idleTimeoutMs: HOUR_MS,
  maxSessionAgeMs: 0,
  retentionMs: HOUR_MS,
})
export const PORTS = {
  dueAtMs: (session: Session) => deadlines.dueAtMs(session),
  endingDeadline: (session: Session) => deadlines.endingDeadline(session),
  trySeal: sealCheck(() => SEALING_KEYS),
}

/** A token session with a key of its own, and its seal. */
function sealedSession(id: string, parts: Partial<Session> = {}) {
  const seed = Uint8Array.from(randomBytes(32))
  const token = {
    owner: Uint8Array.of(1, 2, 3),
    lifetime: { exp: TOKEN_EXP, nbf: 0n, iat: 0n },
    publicKey: Uint8Array.from(sodiumEd25519.publicKey(seed)),
  }
  const session = tokenSession(id, { token, ...parts })
  return { session, seal: sealSeed(SEALING_KEYS, seed, id, token) }
}

/** The ids of sessions that tokens can name: one that has ended, and one that was deleted. */
export const ENDED_ID = '6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0'
export const DELETED_ID = '7a1d2c3b-4a59-4687-8796-a5b4c3d2e1f0'

/** A store with every kind of row in it. Sessions: token-1, token-2, token-ended, alice, bob, bob-ended, ENDED_ID. */
export async function fillStore(location: string): Promise<void> {
  const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false })
  const add = (session: Session, seal?: Uint8Array) =>
    insert(
      store,
      session,
      {
        sweepAtMs: PORTS.dueAtMs(session),
        ...(seal && {
          seal,
          idempotency: { bodySha256: new Uint8Array(32).fill(1), expiresTimeMs: 4_000_000 },
        }),
      },
      { idempotency: { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: session.id } },
    )
  for (const id of ['token-1', 'token-2', 'token-ended', ENDED_ID, DELETED_ID]) {
    const { session, seal } = sealedSession(id, { userId: `owner ${id}` })
    await add(session, seal)
  }
  await add(commandSession('alice'))
  await add(commandSession('bob', { userId: 'bob', data: '{"a":1}' }))
  await add(commandSession('bob-ended', { userId: 'bob', client: 'phone' }))
  for (const id of ['token-ended', 'bob-ended', ENDED_ID]) {
    await store.update(id, (session) => {
      const after = ended(session, 5000)
      return { session: after, sweepAtMs: PORTS.dueAtMs(after) }
    })
  }
  await store.remove(DELETED_ID, () => true, { removal: { reason: 'deleted', timeMs: 5000 } })
  await store.close()
}

/** Every problem that the check finds in a store that is closed. */
export async function problemsIn(location: string): Promise<string[]> {
  const database = new Database(location)
  await database.open()
  const problems: string[] = []
  try {
    const openView = (onDamaged: (key: Buffer) => void) =>
      View.open((read) => database.read(read), onDamaged)
    for await (const event of checkStore(openView, { ...PORTS, epochs: EPOCHS })) {
      if ('problem' in event) {
        problems.push(event.problem)
      }
    }
  } finally {
    await database.close()
  }
  return problems
}

/** The rows of a store, as the store reads them, and how to change them behind its back. */
export type RowLevel = ByteLevel & {
  /** With the right checksum. */
  put(key: Buffer, value: Uint8Array): Promise<void>
  del(key: Buffer): Promise<void>
  readonly bare: RawLevel
}

/** Runs `use` with the rows of a store that is closed. */
export async function withLevel<T>(
  location: string,
  use: (level: RowLevel) => Promise<T>,
): Promise<T> {
  const bare: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
  await bare.open()
  try {
    const level = Object.assign(new ByteLevel(bare), {
      bare,
      put: (key: Buffer, value: Uint8Array) => bare.put(key, withChecksum(key, value)),
      del: (key: Buffer) => bare.del(key),
    })
    return await use(level)
  } finally {
    await bare.close()
  }
}

/**
 * Every row of a store that is closed, as texts. Leaves out what is another in each copy: the number of commits, also in the
 * places of endings; a count of 0; the store's id.
 */
export function rowsIn(location: string): Promise<string[]> {
  return withLevel(location, async (level) => {
    const rows = await level.iterator().all()
    return rows.flatMap(([key, value]) => textOf(key, Buffer.from(value))).toSorted()
  })
}

function textOf(key: Buffer, value: Buffer): string[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  if (key.equals(TALLY_KEY)) {
    const { openSessions } = decodeTally(value)
    return openSessions === 0 ? [] : [`the count ${openSessions}`]
  }
  if (key.equals(INFO_KEY)) {
    return [`the facts ${infoText(value)}`]
  }
  if (isEndingKey(key)) {
    return [`the ending ${idOfEnding(key)} ${hex(value)}`]
  }
  const to = isEndingKey(value) ? `the ending ${idOfEnding(value)}` : hex(value)
  return [`${key.toString('latin1')} ${to}`]
}

function isEndingKey(key: Buffer): boolean {
  return key.length === 1 + PLACE_BYTES && key[0] === RANGES.endings.gte[0]
}

/** Facts that cannot be read stay as they are. */
function infoText(value: Buffer): string {
  try {
    return Buffer.from(encodeInfo({ ...decodeInfo(value), storeId: new Uint8Array() })).toString(
      'hex',
    )
  } catch {
    return value.toString('hex')
  }
}
