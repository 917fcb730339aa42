import { createHash, randomUUID } from 'node:crypto'
import type { OpenArguments } from '../../src/core/commands/arguments.js'
import { Sessions, type SessionsLimits } from '../../src/core/commands/sessions.js'
import type { CreateClaim, NewKey } from '../../src/core/create/claim.js'
import { type CreateLimits, createSession } from '../../src/core/create/create.js'
import { Expiry } from '../../src/core/endings/expiry.js'
import type { ExpirySettings } from '../../src/core/endings/expiry-rules.js'
import { EpochClock } from '../../src/core/epoch.js'
import type { Audit, AuditEntry, Caller } from '../../src/core/operators/audit.js'
import { SessionSearch } from '../../src/core/search/search.js'
import type { SessionStore } from '../../src/core/store.js'
import { MemoryStore } from './memory-store.js'

export const START_MS = 1_700_000_000_000
export const HOUR_MS = 3_600_000

/** Keeps no audit log. */
export const NO_AUDIT: Audit = { check: async () => {}, record: async () => {} }

export const CALLER: Caller = { name: 'a test', address: '127.0.0.1:50000' }

/** A place from which a command opens a session. */
export const BROWSER: OpenArguments = { userId: 'u1', address: '192.0.2.1', client: 'browser' }

/** What the use cases are limited by, together. */
export type Limits = CreateLimits & SessionsLimits & ExpirySettings

/** The use cases over a store (the reference model, unless told otherwise), at a time that the test moves. */
export function sessionsAt(
  limits: Partial<Limits> = {},
  store: SessionStore = new MemoryStore(),
  audit?: Audit,
) {
  const time = { nowMs: START_MS, isSuspect: false }
  const audited: AuditEntry[] = []
  const settings = {
    maxLifetimeMs: 24 * HOUR_MS,
    maxEpochDriftMs: 300_000,
    maxSessionsPerOwner: 0,
    maxSessions: 0,
    atLimit: 'refuse' as const,
    idleTimeoutMs: HOUR_MS,
    maxSessionAgeMs: 0,
    retentionMs: 24 * HOUR_MS,
    maxDataBytes: 1000,
    ...limits,
  }
  const ports = {
    store,
    clock: new EpochClock(
      { genesisAtMs: 0, lengthMs: 1000 },
      () => time.nowMs,
      () => time.isSuspect,
    ),
    owners: { refusal: () => null },
    audit: audit ?? { ...NO_AUDIT, record: async (entry: AuditEntry) => void audited.push(entry) },
    newId: () => randomUUID(),
  }
  const expiry = new Expiry(store, ports.clock, settings)
  return {
    time,
    store,
    expiry,
    create: (claim: CreateClaim) => createSession(claim, { ...ports, expiry }, settings),
    sessions: new Sessions({ ...ports, expiry }, settings),
    search: new SessionSearch({ ...ports, expiry }),
    ports: { ...ports, expiry },
    audited,
  }
}

/** A request of Create's for `seconds` from `nowMs` on. */
export function claimAt(
  nowMs: number,
  seconds: number,
  owner = new TextEncoder().encode('alice'),
): CreateClaim {
  const now = BigInt(Math.floor(nowMs / 1000))
  return {
    owner,
    lifetime: { exp: now + BigInt(seconds), nbf: now, iat: now },
    epoch: now,
    idempotencyKey: undefined,
    client: 'test',
    xHeadersPath: 'meta_header.x_headers',
    address: '127.0.0.1:50000',
    bodySha256: () => createHash('sha256').digest(),
    signer: Buffer.from('signing key'),
    async prove() {},
    proveAndMint: async () => anyKey(),
  }
}

/** A session key that nobody could use: its parts are made up. */
export function anyKey(): NewKey {
  const digest = (text: string) => Uint8Array.from(createHash('sha256').update(text).digest())
  const id = randomUUID()
  return { id, publicKey: digest(`key of ${id}`), seal: () => digest(`seal of ${id}`) }
}
