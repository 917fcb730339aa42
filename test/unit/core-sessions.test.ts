import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CreateClaim } from '../../src/core/claim.js'
import { EpochClock } from '../../src/core/epoch.js'
import { OwnerKeyError, SignatureError } from '../../src/core/errors.js'
import type { OwnerPolicy } from '../../src/core/owner.js'
import { Sessions, type SessionsLimits } from '../../src/core/sessions.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { CALLER, NO_AUDIT } from '../support/sessions.js'

const NOW = 1_700_000_000n
const ALICE = Buffer.from('alice')
const BOB = Buffer.from('bob')
const KEY = Buffer.from('signing key')
const SEED_MARK = 0x5e

/** The use cases over the reference store, at a time that the test moves. */
function setUp(limits: Partial<SessionsLimits> = {}, owners: OwnerPolicy = { check() {} }) {
  const time = { nowMs: Number(NOW) * 1000 }
  const store = new MemoryStore()
  const sealed: Uint8Array[] = []
  const sessions = new Sessions(
    {
      store,
      clock: new EpochClock({ genesisMs: 0, lengthMs: 1000 }, () => time.nowMs),
      owners,
      audit: NO_AUDIT,
      randomBytes: (length) => Uint8Array.from(randomBytes(length)).fill(SEED_MARK, 16),
      publicKey: (seed) => createHash('sha256').update(seed).digest(),
      seal: (seed, id) => {
        sealed.push(seed)
        return Buffer.concat([Buffer.from(id), seed])
      },
    },
    {
      maxLifetimeMs: 3_600_000,
      maxEpochDriftMs: 300_000,
      maxSessionsPerOwner: 0,
      maxSessions: 0,
      idleTimeoutMs: 0,
      maxSessionAgeMs: 0,
      retentionMs: 3_600_000,
      maxDataBytes: 1000,
      ...limits,
    },
  )
  return { time, store, sessions, sealed }
}

function claim(parts: Partial<CreateClaim> = {}, body = 'body'): CreateClaim {
  return {
    owner: ALICE,
    lifetime: { exp: NOW + 60n, nbf: NOW, iat: NOW },
    epoch: NOW,
    idempotencyKey: undefined,
    client: 'test',
    address: '127.0.0.1:50000',
    bodySha256: () => createHash('sha256').update(body).digest(),
    proveSigner: () => KEY,
    ...parts,
  }
}

const refusedAs = (code: string) => expect.objectContaining({ code })

describe('Create', () => {
  it('keeps a record of what was asked, from where and when', async () => {
    const { sessions, store } = setUp()
    const { id } = await sessions.create(claim())
    expect(await store.get(id)).toEqual({
      id,
      userId: 'BzWHaQU',
      userName: '',
      active: true,
      openTimeMs: 1_700_000_000_000,
      requestTimeMs: 1_700_000_000_000,
      closeTimeMs: null,
      address: '127.0.0.1:50000',
      client: 'test',
      user: null,
      data: null,
      token: {
        owner: Uint8Array.from(ALICE),
        lifetime: { exp: NOW + 60n, nbf: NOW, iat: NOW },
        publicKey: expect.any(Uint8Array),
      },
    })
  })

  it('keeps the seal apart, and wipes the seed', async () => {
    const { sessions, store, sealed } = setUp()
    const { id } = await sessions.create(claim())
    expect(await store.seal(id)).toEqual(
      Uint8Array.from([...Buffer.from(id), ...new Uint8Array(32).fill(SEED_MARK)]),
    )
    expect(sealed).toEqual([new Uint8Array(32)])
  })

  it('checks the cheap before the dear, and says nothing of owners to who cannot sign', async () => {
    // Everything is wrong with this one; the first complaint must be about what comes first.
    const wrong = {
      name: { idempotencyKey: '' },
      lifetime: { lifetime: { exp: NOW - 1n, nbf: 0n, iat: 0n } },
      freshness: { epoch: 1n },
      signature: {
        proveSigner() {
          throw new SignatureError('verify_header', 'does not verify')
        },
      },
      owner: { owner: BOB },
      body: { idempotencyKey: 'k', bodySha256: () => new Uint8Array(32) },
      quota: { idempotencyKey: 'another' },
    }
    const { sessions } = setUp(
      { maxSessionsPerOwner: 1 },
      {
        check(owner) {
          if (owner === BOB) {
            throw new OwnerKeyError('test', 'alice')
          }
        },
      },
    )
    await sessions.create(claim({ idempotencyKey: 'k' }))

    const { name, lifetime, freshness, signature, owner, body, quota } = wrong
    const complaints: [code: string, parts: Partial<CreateClaim>][] = [
      ['INVALID_FIELD', { ...lifetime, ...freshness, ...signature, ...owner, ...body, ...name }],
      ['INVALID_LIFETIME', { ...freshness, ...signature, ...owner, ...body, ...lifetime }],
      ['EPOCH_DRIFT', { ...signature, ...owner, ...body, ...freshness }],
      ['BAD_SIGNATURE', { ...owner, ...body, ...signature }],
      ['OWNER_KEY_MISMATCH', { ...body, ...owner }],
      ['IDEMPOTENCY_KEY_REUSED', body],
      ['QUOTA_EXCEEDED', quota],
    ]
    for (const [code, parts] of complaints) {
      await expect(sessions.create(claim(parts))).rejects.toEqual(refusedAs(code))
    }
  })
})

describe('an idempotency key', () => {
  const keyed = (parts: Partial<CreateClaim> = {}) => claim({ idempotencyKey: 'k', ...parts })

  it('gives the session again, also where the quota is reached', async () => {
    const { sessions, store } = setUp({ maxSessionsPerOwner: 1, maxSessions: 1 })
    const first = await sessions.create(keyed())
    expect(await sessions.create(keyed())).toEqual(first)
    expect(await store.countOpen()).toBe(1)
  })

  it.each<[string, Partial<CreateClaim>]>([
    ['key', { idempotencyKey: 'K' }],
    ['owner', { owner: BOB }],
    ['signer', { proveSigner: () => BOB }],
  ])('of another %s opens another session', async (_, parts) => {
    const { sessions } = setUp()
    const [first, second] = [await sessions.create(keyed()), await sessions.create(keyed(parts))]
    expect(second.id).not.toBe(first.id)
  })

  it('does not give a session that was closed or deleted', async () => {
    const { sessions } = setUp()
    const { id } = await sessions.create(keyed())
    await sessions.close(id, CALLER)
    await expect(sessions.create(keyed())).rejects.toEqual(refusedAs('SESSION_ENDED'))
    await sessions.delete(id, undefined, CALLER)
    await expect(sessions.create(keyed())).rejects.toEqual(refusedAs('SESSION_ENDED'))
  })

  it('holds as long as the body is valid, and then opens nothing', async () => {
    const { sessions, time } = setUp()
    const { id } = await sessions.create(keyed())
    time.nowMs += 60_999
    expect((await sessions.create(keyed({ epoch: 0n }))).id).toBe(id)
    time.nowMs += 1
    await expect(sessions.create(keyed({ epoch: 0n }))).rejects.toEqual(
      refusedAs('INVALID_LIFETIME'),
    )
  })

  it('may stand for another body once the first is over', async () => {
    const { sessions, time } = setUp()
    const { id } = await sessions.create(keyed())
    time.nowMs += 61_001
    await sessions.closeExpired()
    const lifetime = { exp: NOW + 120n, nbf: NOW, iat: NOW }
    const another = { ...keyed({ lifetime, epoch: 0n }), bodySha256: () => new Uint8Array(32) }
    expect((await sessions.create(another)).id).not.toBe(id)
  })
})

describe('the quota', () => {
  const longer = { lifetime: { exp: NOW + 3600n, nbf: NOW, iat: NOW }, epoch: 0n }

  it.each<[string, Partial<SessionsLimits>, Partial<CreateClaim>]>([
    ['of an owner', { maxSessionsPerOwner: 2 }, {}],
    ['of the server', { maxSessions: 2 }, { owner: BOB }],
  ])('%s is exact', async (_, limits, parts) => {
    const { sessions } = setUp(limits)
    await sessions.create(claim(parts))
    await sessions.create(claim())
    await expect(sessions.create(claim())).rejects.toEqual(refusedAs('QUOTA_EXCEEDED'))
  })

  it('of one owner is nothing to another', async () => {
    const { sessions } = setUp({ maxSessionsPerOwner: 1 })
    await sessions.create(claim())
    await expect(sessions.create(claim({ owner: BOB }))).resolves.toHaveProperty('id')
  })

  it.each<[string, Partial<SessionsLimits>]>([
    ['an owner', { maxSessionsPerOwner: 2 }],
    ['the server', { maxSessions: 2 }],
  ])('of %s has room again from the moment at which a session is over', async (_, limits) => {
    const { sessions, time, store } = setUp(limits)
    const { id } = await sessions.create(claim())
    await sessions.create(claim(longer))
    time.nowMs += 60_999
    await expect(sessions.create(claim(longer))).rejects.toEqual(refusedAs('QUOTA_EXCEEDED'))
    time.nowMs += 1
    await expect(sessions.create(claim(longer))).resolves.toHaveProperty('id')
    expect(await store.get(id)).toMatchObject({ active: false, closeTimeMs: 1_700_000_061_000 })
    expect(await store.seal(id)).toBeUndefined()
  })

  it('has room again when a session is closed', async () => {
    const { sessions } = setUp({ maxSessionsPerOwner: 1 })
    const { id } = await sessions.create(claim())
    await sessions.close(id, CALLER)
    await expect(sessions.create(claim())).resolves.toHaveProperty('id')
  })

  it('of 0 is none', async () => {
    const { sessions, store } = setUp()
    await Promise.all(Array.from({ length: 100 }, () => sessions.create(claim())))
    expect(await store.countOpen()).toBe(100)
  })
})
