import { describe, expect, it } from 'vitest'
import type { TokenSession } from '../../../../src/core/create/create.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import { sessionClaims } from '../../../../src/core/use/jwt-claims.js'
import { tokenSession } from '../../../support/store-sessions.js'

const lifetime = { exp: 20n, nbf: 10n, iat: 10n }
const session = tokenSession('s', {
  token: { owner: Uint8Array.of(1, 2, 3), publicKey: new Uint8Array(32), lifetime },
}) as TokenSession
const clockAt = (nowMs: number, lengthMs = 1000, genesisAtMs = 0) =>
  new EpochClock({ genesisAtMs, lengthMs }, () => nowMs)
const claim = { audience: ['a'], lifetime: undefined, issuer: 'i', jti: 'j' }

describe('the claims of a JWT', () => {
  it('are the lifetime of its session in Unix seconds', () => {
    expect(sessionClaims(session, claim, clockAt(15_500))).toEqual({
      ...{ iss: 'i', sub: 'Ldp', aud: 'a', jti: 'j', sid: 's' },
      ...{ iat: 15, nbf: 10, exp: 21 },
    })
  })

  it('end no later and begin no earlier, where epochs are no seconds', () => {
    const clock = clockAt(700 + 15 * 2500, 2500, 700)
    // Epoch 10 begins at 25.7 s, and epoch 20 ends at 53.2 s.
    expect(sessionClaims(session, claim, clock)).toMatchObject({ nbf: 26, exp: 53 })
  })

  it('may begin later', () => {
    expect(sessionClaims(session, claim, clockAt(5_000))).toMatchObject({ iat: 5, nbf: 10 })
  })

  it('name several audiences as a list', () => {
    const several = { ...claim, audience: ['a', 'b'] }
    expect(sessionClaims(session, several, clockAt(15_000)).aud).toEqual(['a', 'b'])
  })

  it.each<[string, Partial<typeof lifetime>, string]>([
    ['longer than its session', { exp: 21n }, 'body.lifetime.exp'],
    ['earlier than its session', { nbf: 9n }, 'body.lifetime.nbf'],
    ['over already', { exp: 14n }, 'body.lifetime.exp'],
  ])('are not given for a lifetime that is %s', (_, parts, field) => {
    const asked = { ...claim, lifetime: { ...lifetime, ...parts } }
    expect(() => sessionClaims(session, asked, clockAt(15_000))).toThrow(
      expect.objectContaining({ code: 'INVALID_LIFETIME', field }),
    )
  })

  it.each([
    ['has ended', { ...session, active: false }, 15_000],
    ['is past its lifetime, though nothing has ended it', session, 21_000],
  ])('are not given for a session that %s', (_, of, nowMs) => {
    expect(() => sessionClaims(of, claim, clockAt(nowMs))).toThrow(
      expect.objectContaining({ code: 'SESSION_ENDED' }),
    )
  })
})
