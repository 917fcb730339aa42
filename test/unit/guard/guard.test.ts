import { describe, expect, it } from 'vitest'
import {
  type GuardedUse,
  type GuardOptions,
  type Presented,
  readHttpProof,
} from '../../../src/guard/index.js'
import { fault } from '../../../src/guard/verdict.js'
import { newOwner } from '../../support/create.js'
import { AFTER_MS, arrived, Endings, guardAt, NOW_MS, signedHttp } from '../../support/guard.js'
import { REFUSED_TOKENS } from '../../support/token-cases.js'
import {
  CONTAINER,
  OBJECT,
  PROOF_CONTENT,
  SESSION_ID,
  sessionKey,
  tokenWith,
} from '../../support/tokens.js'

const use: GuardedUse = {
  verb: 'OBJECT_GET',
  object: { containerId: CONTAINER, objectId: OBJECT },
}
let nonces = 0

/** What shows alice's token, with a proof of now. */
function shown(
  parts: Partial<Presented['proof']> = {},
  token: Uint8Array = tokenWith(),
): Presented {
  const proof = {
    ...{ content: PROOF_CONTENT, signature: sessionKey.sign(PROOF_CONTENT) },
    ...{ nonce: `${nonces++}`, fromMs: NOW_MS, toMs: NOW_MS + 1000, fits: () => true },
  }
  return { token, proof: { ...proof, ...parts } }
}

describe('Guard', () => {
  it('lets a request through whose token, proof and session are good', () => {
    const { guard } = guardAt({ endings: new Endings() })
    const verdict = guard.check(shown(), use)
    expect(verdict).toMatchObject({ isGood: true, token: { id: SESSION_ID } })
    expect(guard.counts).toEqual({ accepted: 1, refused: {}, remembered: 1, staleMs: 0 })
  })

  it.each(REFUSED_TOKENS.filter((one) => one.reason !== 'BAD_PROOF'))(
    'refuses a token with $what, and says why',
    ({ token, reason, use: other = {}, options = {} }) => {
      const { guard, clock } = guardAt(options as Partial<GuardOptions>)
      clock.nowMs = other.epoch === undefined ? NOW_MS : Number(other.epoch) * 1000
      const { epoch: _, proof: __, ...asked } = other
      const fromMs = clock.nowMs
      const presented = shown({ fromMs, toMs: fromMs + 1000 }, token)
      expect(guard.check(presented, { ...use, ...asked } as GuardedUse)).toMatchObject({
        isGood: false,
        reason,
      })
      expect(guard.counts).toMatchObject({ accepted: 0, refused: { [reason]: 1 }, remembered: 0 })
    },
  )

  it.each<[string, Presented, string]>([
    ["another's proof", shown({ signature: newOwner().sign(PROOF_CONTENT) }), 'BAD_PROOF'],
    ['a proof of something else', shown({ content: Buffer.from('else') }), 'BAD_PROOF'],
    ['a proof that does not fit the key', shown({ fits: () => false }), 'BAD_PROOF'],
    [
      'a proof of a minute ago',
      shown({ fromMs: NOW_MS - 62_000, toMs: NOW_MS - 61_000 }),
      'PROOF_TIME',
    ],
    [
      'a proof of the future',
      shown({ fromMs: NOW_MS + 60_001, toMs: NOW_MS + 61_000 }),
      'PROOF_TIME',
    ],
  ])('refuses %s, and remembers nothing of it', (_, presented, reason) => {
    const { guard } = guardAt()
    expect(guard.check(presented, use)).toMatchObject({ isGood: false, reason })
    expect(guard.counts).toMatchObject({ refused: { [reason]: 1 }, remembered: 0 })
  })

  it.each([
    ['the oldest', -61_000 + 1],
    ['the newest', 60_000],
  ])('accepts %s proof within the drift, once, for as long as it is good', (_, awayMs) => {
    const { guard, clock } = guardAt()
    const fromMs = NOW_MS + awayMs
    const presented = shown({ fromMs, toMs: fromMs + 1000 })
    expect(guard.check(presented, use).isGood).toBe(true)
    for (let ms = NOW_MS; ms < fromMs + 61_000; ms += 7_000) {
      clock.nowMs = ms
      expect(guard.check(presented, use)).toMatchObject({ reason: 'REPLAYED' })
    }
    clock.nowMs = fromMs + 61_000
    expect(guard.check(presented, use)).toMatchObject({ reason: 'PROOF_TIME' })
  })

  it('refuses more proofs than it may remember', () => {
    const { guard } = guardAt({ maxRemembered: 8 })
    guard.check(shown(), use)
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'TOO_MANY_REQUESTS' })
  })

  it('refuses a session that has ended, and no other', () => {
    const endings = new Endings()
    const { guard } = guardAt({ endings })
    endings.ids.add('0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11')
    expect(guard.check(shown(), use).isGood).toBe(true)
    endings.ids.add(SESSION_ID)
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDED' })
  })

  it('refuses everything while it is not known which sessions have ended', () => {
    const endings = new Endings()
    const { guard, clock } = guardAt({ endings, maxStaleMs: 10_000 })
    endings.verifiedAtMs = null
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDINGS_STALE' })
    expect(guard.counts.staleMs).toBe(Number.POSITIVE_INFINITY)
    endings.verifiedAtMs = NOW_MS
    clock.nowMs = NOW_MS + 10_000
    expect(guard.check(shown(), use).isGood).toBe(true)
    clock.nowMs = NOW_MS + 10_001
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDINGS_STALE' })
    expect(guard.counts.staleMs).toBe(10_001)
    endings.verifiedAtMs = NOW_MS + 10_000
    expect(guard.check(shown(), use).isGood).toBe(true)
  })

  it('does not take what it knows for fresh because its clock was set back', () => {
    const endings = new Endings()
    const { guard } = guardAt({ endings, maxStaleMs: 10_000 })
    endings.verifiedAtMs = NOW_MS + 10_000
    expect(guard.check(shown(), use).isGood).toBe(true)
    endings.verifiedAtMs = NOW_MS + 3_600_000
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDINGS_STALE' })
  })

  it('goes on by what is known where it is to accept then, but not with what has ended', () => {
    const endings = new Endings()
    const { guard } = guardAt({ endings, whenStale: 'accept' })
    endings.verifiedAtMs = NOW_MS - 3_600_000
    expect(guard.check(shown(), use).isGood).toBe(true)
    endings.ids.add(SESSION_ID)
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDED' })
  })

  it('refuses everything, also where it is to accept then, before it was ever known which sessions have ended', () => {
    const endings = new Endings()
    const { guard } = guardAt({ endings, whenStale: 'accept' })
    endings.verifiedAtMs = null
    expect(guard.check(shown(), use)).toMatchObject({ reason: 'ENDINGS_STALE' })
  })

  it('tells each decision, also on what could not be read', () => {
    const decisions: (string | null)[] = []
    const { guard } = guardAt({ onDecision: (reason) => decisions.push(reason) })
    guard.check(shown(), use)
    guard.check(shown({}, Buffer.from('no token')), use)
    guard.check(fault('NO_TOKEN', 'there is none'), use)
    expect(decisions).toEqual([null, 'MALFORMED', 'NO_TOKEN'])
    expect(guard.counts.refused).toEqual({ MALFORMED: 1, NO_TOKEN: 1 })
  })

  it('counts epochs as the server does', async () => {
    const epochs = { genesisAtMs: NOW_MS - 1_700_000_030 * 100, lengthMs: 100 }
    const { guard } = guardAt({ epochs })
    const headers = await signedHttp()
    expect(guard.check(readHttpProof(arrived({ ...headers })), use).isGood).toBe(true)
    const { guard: unixSeconds, clock } = guardAt()
    clock.nowMs = AFTER_MS
    const late = await signedHttp({}, AFTER_MS)
    expect(unixSeconds.check(readHttpProof(arrived({ ...late })), use)).toMatchObject({
      reason: 'EXPIRED',
    })
  })
})
