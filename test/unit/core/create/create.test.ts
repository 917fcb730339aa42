import { createHash, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Sessions } from '../../../../src/core/commands/sessions.js'
import type { CreateClaim, NewKey } from '../../../../src/core/create/claim.js'
import { type CreatePorts, createSession } from '../../../../src/core/create/create.js'
import type { OwnerPolicy } from '../../../../src/core/create/owner.js'
import { Expiry } from '../../../../src/core/endings/expiry.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { OwnerKeyError, SignatureError } from '../../../../src/core/errors.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { anyKey, CALLER, type Limits, NO_AUDIT } from '../../../support/sessions.js'

const NOW = 1_700_000_000n
const ALICE = Buffer.from('alice')
const BOB = Buffer.from('bob')
const KEY = Buffer.from('signing key')

/** The use cases over the reference store, at a time that the test moves. */
function setUp(limits: Partial<Limits> = {}, owners: OwnerPolicy = { refusal: () => null }) {
  const time = { nowMs: Number(NOW) * 1000 }
  const store = new MemoryStore()
  const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => time.nowMs)
  const settings = {
    maxLifetimeMs: 3_600_000,
    maxEpochDriftMs: 300_000,
    maxSessionsPerOwner: 0,
    maxSessions: 0,
    atLimit: 'refuse' as const,
    idleTimeoutMs: 0,
    maxSessionAgeMs: 0,
    retentionMs: 3_600_000,
    maxDataBytes: 1000,
    ...limits,
  }
  const expiry = new Expiry(store, clock, settings)
  const ports: CreatePorts = {
    expiry,
    clock,
    owners,
  }
  const create = (claim: CreateClaim) => createSession(claim, ports, settings)
  const sessions = new Sessions(
    { store, expiry, clock, audit: NO_AUDIT, newId: () => randomUUID() },
    settings,
  )
  return { time, store, create, sessions }
}

function claim(parts: Partial<CreateClaim> = {}, body = 'body'): CreateClaim {
  return {
    owner: ALICE,
    lifetime: { exp: NOW + 60n, nbf: NOW, iat: NOW },
    epoch: NOW,
    idempotencyKey: undefined,
    client: 'test',
    xHeadersPath: 'meta_header.x_headers',
    address: '127.0.0.1:50000',
    bodySha256: () => createHash('sha256').update(body).digest(),
    signer: KEY,
    async prove() {},
    proveAndMint: async () => anyKey(),
    ...parts,
  }
}

const refusingBob: OwnerPolicy = {
  refusal: (owner) => (owner === BOB ? new OwnerKeyError('test', 'key', 'alice') : null),
}

const refusedAs = (code: string) => expect.objectContaining({ code })

describe('Create', () => {
  it('keeps a record of what was asked, from where and when', async () => {
    const { create, store } = setUp()
    const { id } = await create(claim())
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
      ending: null,
    })
  })

  it('keeps the seal apart, as the sealing key makes it when the session is stored', async () => {
    const { create, store } = setUp()
    const key = anyKey()
    let isProved = false
    const { id } = await create(
      claim({
        async proveAndMint() {
          isProved = true
          return { ...key, seal: () => Uint8Array.of(isProved ? 1 : 0) }
        },
      }),
    )
    expect(id).toBe(key.id)
    expect(await store.seal(id)).toEqual(Uint8Array.of(1))
  })

  it('has no key made for an owner whose key the signer is not', async () => {
    const { create } = setUp({}, refusingBob)
    let made = 0
    const proveAndMint = async () => {
      made++
      return anyKey()
    }
    await expect(create(claim({ owner: BOB, proveAndMint }))).rejects.toEqual(
      refusedAs('OWNER_KEY_MISMATCH'),
    )
    expect(made).toBe(0)
  })

  it('checks the cheap before the dear, and says nothing of owners to who cannot sign', async () => {
    // Everything is wrong with this one; the first complaint must be about what comes first.
    const wrong = {
      name: { idempotencyKey: '' },
      lifetime: { lifetime: { exp: NOW - 1n, nbf: 0n, iat: 0n } },
      freshness: { epoch: 1n },
      signature: {
        async prove() {
          throw new SignatureError('verify_header', 'does not verify')
        },
        async proveAndMint(): Promise<NewKey> {
          throw new SignatureError('verify_header', 'does not verify')
        },
      },
      owner: { owner: BOB },
      body: { idempotencyKey: 'k', bodySha256: () => new Uint8Array(32) },
      quota: { idempotencyKey: 'another' },
    }
    const { create } = setUp({ maxSessionsPerOwner: 1 }, refusingBob)
    await create(claim({ idempotencyKey: 'k' }))

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
      await expect(create(claim(parts))).rejects.toEqual(refusedAs(code))
    }
  })
})

describe('an idempotency key', () => {
  const keyed = (parts: Partial<CreateClaim> = {}) => claim({ idempotencyKey: 'k', ...parts })

  it('gives the session again, also where the quota is reached', async () => {
    const { create, store } = setUp({ maxSessionsPerOwner: 1, maxSessions: 1 })
    const first = await create(keyed())
    expect(await create(keyed())).toEqual(first)
    expect(await store.countOpen()).toBe(1)
  })

  it.each<[string, Partial<CreateClaim>]>([
    ['key', { idempotencyKey: 'K' }],
    ['owner', { owner: BOB }],
    ['signer', { signer: BOB }],
  ])('of another %s opens another session', async (_, parts) => {
    const { create } = setUp()
    const [first, second] = [await create(keyed()), await create(keyed(parts))]
    expect(second.id).not.toBe(first.id)
  })

  it('does not give a session that was closed or deleted', async () => {
    const { create, sessions } = setUp()
    const { id } = await create(keyed())
    await sessions.close(id, CALLER)
    await expect(create(keyed())).rejects.toEqual(refusedAs('SESSION_ENDED'))
    await sessions.delete(id, {}, CALLER)
    await expect(create(keyed())).rejects.toEqual(refusedAs('SESSION_ENDED'))
  })

  it('holds as long as the body is valid, and then opens nothing', async () => {
    const { create, time } = setUp()
    const { id } = await create(keyed())
    time.nowMs += 60_999
    expect((await create(keyed({ epoch: 0n }))).id).toBe(id)
    time.nowMs += 1
    await expect(create(keyed({ epoch: 0n }))).rejects.toEqual(refusedAs('INVALID_LIFETIME'))
  })

  it('may stand for another body once the first is over', async () => {
    const { create, sessions, time } = setUp()
    const { id } = await create(keyed())
    time.nowMs += 61_001
    await sessions.closeExpired()
    const lifetime = { exp: NOW + 120n, nbf: NOW, iat: NOW }
    const another = { ...keyed({ lifetime, epoch: 0n }), bodySha256: () => new Uint8Array(32) }
    expect((await create(another)).id).not.toBe(id)
  })
})

describe('the quota', () => {
  const longer = { lifetime: { exp: NOW + 3600n, nbf: NOW, iat: NOW }, epoch: 0n }

  it.each<[string, Partial<Limits>, Partial<CreateClaim>]>([
    ['of an owner', { maxSessionsPerOwner: 2 }, {}],
    ['of the server', { maxSessions: 2 }, { owner: BOB }],
  ])('%s is exact', async (_, limits, parts) => {
    const { create } = setUp(limits)
    await create(claim(parts))
    await create(claim())
    await expect(create(claim())).rejects.toEqual(refusedAs('QUOTA_EXCEEDED'))
  })

  it('of one owner is nothing to another', async () => {
    const { create } = setUp({ maxSessionsPerOwner: 1 })
    await create(claim())
    await expect(create(claim({ owner: BOB }))).resolves.toHaveProperty('id')
  })

  it.each<[string, Partial<Limits>]>([
    ['an owner', { maxSessionsPerOwner: 2 }],
    ['the server', { maxSessions: 2 }],
  ])('of %s has room again from the moment at which a session is over', async (_, limits) => {
    const { create, time, store } = setUp(limits)
    const { id } = await create(claim())
    await create(claim(longer))
    time.nowMs += 60_999
    await expect(create(claim(longer))).rejects.toEqual(refusedAs('QUOTA_EXCEEDED'))
    time.nowMs += 1
    await expect(create(claim(longer))).resolves.toHaveProperty('id')
    expect(await store.get(id)).toMatchObject({ active: false, closeTimeMs: 1_700_000_061_000 })
    expect(await store.seal(id)).toBeUndefined()
  })

  it('has room again when a session is closed', async () => {
    const { create, sessions } = setUp({ maxSessionsPerOwner: 1 })
    const { id } = await create(claim())
    await sessions.close(id, CALLER)
    await expect(create(claim())).resolves.toHaveProperty('id')
  })

  it('of 0 is none', async () => {
    const { create, store } = setUp()
    await Promise.all(Array.from({ length: 100 }, () => create(claim())))
    expect(await store.countOpen()).toBe(100)
  })
})
