import { describe, expect, it } from 'vitest'
import { selfCertifying } from '../../../../src/core/create/owner.js'
import { Expiry } from '../../../../src/core/endings/expiry.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import type { AuditEntry } from '../../../../src/core/operators/audit.js'
import type { Session } from '../../../../src/core/session.js'
import { mayManage, ownSession, speaksFor } from '../../../../src/core/use/access.js'
import { revokeSession } from '../../../../src/core/use/revoke.js'
import { n3Account, n3AccountFault } from '../../../../src/crypto/n3.js'
import { newOwner } from '../../../support/create.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { CALLER } from '../../../support/sessions.js'
import { commandSession, EPOCHS, insert, tokenSession } from '../../../support/store-sessions.js'

const owners = selfCertifying({ of: n3Account, fault: n3AccountFault })
const [owner, stranger] = [newOwner().publicKey, newOwner().publicKey]
const template = tokenSession('1')
const lifetime = { exp: 1_700_003_600n, nbf: 1_700_000_000n, iat: 1_700_000_000n }
const token = { ...(template.token as NonNullable<Session['token']>), owner, lifetime }
const session = { ...template, token }
const ID = session.id

/** A store with the session, and one that a command opened. */
async function setUp(atEpoch = token.lifetime.nbf) {
  const state = { nowMs: Number(atEpoch) * EPOCHS.lengthMs }
  const clock = new EpochClock(EPOCHS, () => state.nowMs)
  const store = new MemoryStore()
  const expiry = new Expiry(store, clock, {
    ...{ idleTimeoutMs: 0, maxSessionAgeMs: 0, retentionMs: 3_600_000 },
  })
  await insert(store, session)
  await insert(store, commandSession('2'))
  const entries: AuditEntry[] = []
  const audit = {
    check: async () => {},
    record: async (entry: AuditEntry) => void entries.push(entry),
  }
  const ports = { store, expiry, owners, clock, audit }
  return { ...ports, ports, state, entries }
}

describe('revokeSession', () => {
  it.each([
    ['its owner', owner],
    ['its own key', token.publicKey],
  ])('ends a session for %s, and tells of it', async (_, signer) => {
    const { ports, store, state, entries, expiry } = await setUp()
    const revoked = await revokeSession(ID, signer, CALLER, ports)
    expect(revoked).toEqual({ endedNow: true, endTimeMs: state.nowMs })
    expect(await store.get(ID)).toMatchObject({
      ...{ active: false, ending: { reason: 'revoked', by: CALLER.name } },
    })
    const facts = { sessionId: ID, userId: session.userId, wasOpen: true }
    expect(entries).toEqual([{ action: 'revoke', caller: CALLER, facts }])
    expect(expiry.ended.all.get('revoked')).toBe(1)
  })

  it('says when a session has ended before', async () => {
    const { ports, state, expiry } = await setUp()
    const { endTimeMs } = await revokeSession(ID, owner, CALLER, ports)
    state.nowMs += 5000
    expect(await revokeSession(ID, owner, CALLER, ports)).toEqual({ endedNow: false, endTimeMs })
    expect(expiry.ended.all.get('revoked')).toBe(1)
  })

  it('lets one that is past its end have ended by itself', async () => {
    const { ports, store, clock, expiry } = await setUp(token.lifetime.exp + 100n)
    const revoked = await revokeSession(ID, owner, CALLER, ports)
    expect(revoked).toEqual({ endedNow: false, endTimeMs: clock.endsAtMs(token.lifetime.exp) })
    expect((await store.get(ID))?.ending).toEqual({ reason: 'expired', by: null })
    expect(expiry.ended.all.get('expired')).toBe(1)
  })

  it.each([
    ["a stranger's", ID, stranger],
    ['one that is not there', '3', owner],
    ['one without a key', '2', owner],
  ])('knows no session for %s', async (_, id, signer) => {
    const { ports, store, entries } = await setUp()
    await expect(revokeSession(id, signer, CALLER, ports)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await store.get(ID))?.active).toBe(true)
    expect(entries).toEqual([])
  })
})

describe('ownSession', () => {
  it('gives the session as of now, to its owner and to its own key', async () => {
    const { ports } = await setUp(token.lifetime.exp + 100n)
    for (const key of [owner, token.publicKey]) {
      expect(await ownSession(ports, ID, key)).toMatchObject({ id: ID, active: false })
    }
    await expect(ownSession(ports, ID, stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(ownSession(ports, '3', owner)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

it('passes on what is wrong with the owners themselves', () => {
  const broken = {
    refusal() {
      throw new Error('the file is gone')
    },
  }
  expect(() => speaksFor(broken, owner, owner)).toThrow('the file is gone')
  expect(() => mayManage(broken, session, stranger)).toThrow('the file is gone')
  expect(mayManage(broken, session, token.publicKey)).toBe(true)
})
