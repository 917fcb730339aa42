import { randomBytes } from 'node:crypto'
import { Level } from 'level'
import { Deadlines } from '../../src/core/deadlines.js'
import { EpochClock } from '../../src/core/epoch.js'
import type { Session } from '../../src/core/session.js'
import { generateSealingKeys, type SealingKeys, sealSeed } from '../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sealCheck } from '../../src/keys/seal-check.js'
import { checkStore } from '../../src/stores/level/check.js'
import { decodeTally } from '../../src/stores/level/codec.js'
import { type ByteLevel, Database } from '../../src/stores/level/database.js'
import { TALLY_KEY } from '../../src/stores/level/keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { View } from '../../src/stores/level/view.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from './store-sessions.js'

export const SEALING_KEYS: SealingKeys = generateSealingKeys(randomBytes)
export const NOW_MS = 1_000_000
const HOUR_MS = 3_600_000

const deadlines = new Deadlines(new EpochClock(EPOCHS, () => NOW_MS), {
  idleTimeoutMs: HOUR_MS,
  maxSessionAgeMs: 0,
  retentionMs: HOUR_MS,
})
export const PORTS = {
  dueMs: (session: Session) => deadlines.dueMs(session),
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
        dueTimeMs: PORTS.dueMs(session),
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
      return { session: after, dueTimeMs: PORTS.dueMs(after) }
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
    const openView = () => View.open((read) => database.read(read))
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

/** Runs `use` with the bare database of a store that is closed. */
export async function withLevel<T>(
  location: string,
  use: (level: ByteLevel) => Promise<T>,
): Promise<T> {
  const level: ByteLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
  await level.open()
  try {
    return await use(level)
  } finally {
    await level.close()
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
