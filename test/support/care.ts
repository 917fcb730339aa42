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
import { TALLY_KEY } from '../../src/stores/level/layout/keys.js'
import { decodeTally } from '../../src/stores/level/layout/tally.js'
import { checkStore } from '../../src/stores/level/maintenance/check.js'
import { View } from '../../src/stores/level/read/view.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { withChecksum } from '../../src/stores/rows/checksum.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from './store-sessions.js'

export const SEALING_KEYS: SealingKeys = generateSealingKeys(randomBytes)
export const NOW_MS = 1_000_000
const HOUR_MS = 3_600_000

const deadlines = new ExpiryRules(new EpochClock(EPOCHS, () => NOW_MS), {
  idleTimeoutMs: HOUR_MS,
  maxSessionAgeMs: 0,
  retentionMs: HOUR_MS,
})
export const PORTS = {
  dueAtMs: (session: Session) => deadlines.dueAtMs(session),
  trySeal: sealCheck(() => SEALING_KEYS),
}

/** A token session with a key of its own, and its seal. */
function sealedSession(id: string, parts: Partial<Session> = {}) {
  const seed = Uint8Array.from(randomBytes(32))
  const token = {
    owner: Uint8Array.of(1, 2, 3),
    lifetime: { exp: 4000n, nbf: 0n, iat: 0n },
    publicKey: Uint8Array.from(sodiumEd25519.publicKey(seed)),
  }
  const session = tokenSession(id, { token, ...parts })
  return { session, seal: sealSeed(SEALING_KEYS, seed, id, token) }
}

/** A store with every kind of row in it. Sessions: token-1, token-2, token-ended, alice, bob, bob-ended. */
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
  for (const id of ['token-1', 'token-2', 'token-ended']) {
    const { session, seal } = sealedSession(id, { userId: `owner ${id}` })
    await add(session, seal)
  }
  await add(commandSession('alice'))
  await add(commandSession('bob', { userId: 'bob', data: '{"a":1}' }))
  await add(commandSession('bob-ended', { userId: 'bob', client: 'phone' }))
  for (const id of ['token-ended', 'bob-ended']) {
    await store.update(id, (session) => {
      const after = ended(session, 5000)
      return { session: after, sweepAtMs: PORTS.dueAtMs(after) }
    })
  }
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
    for await (const event of checkStore(openView, PORTS)) {
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

/** Every row of a store that is closed, as texts; of the tally the count alone, and none where it is 0. */
export function rowsIn(location: string): Promise<string[]> {
  return withLevel(location, async (level) => {
    const rows = await level.iterator().all()
    return rows.flatMap(([key, value]) => {
      const isTally = key.equals(TALLY_KEY)
      const text = isTally
        ? `${decodeTally(value).openSessions}`
        : Buffer.from(value).toString('hex')
      return isTally && text === '0' ? [] : [`${key.toString('latin1')} ${text}`]
    })
  })
}
