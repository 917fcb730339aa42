import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { checkJwt } from '../../src/tokens/jwt.js'
import { claims, GOOD_JWTS, identity } from '../support/jwt-cases.js'
import { byteMutations, type Random, seededRandom } from '../support/mutate.js'

const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
const CASES = isLong ? 1_000_000 : 5_000
const BATCH = 1_000
const now = new Date((claims.nbf + 100) * 1000)
const originals = GOOD_JWTS.map(({ jwt }) => jwt)
const whole = new Set(originals)
const TEXT = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=')

/** Damaged as text, or in the bytes of a part, or put together from two. */
function damaged(random: Random): string {
  const one = originals[random(originals.length)] as string
  const other = originals[random(originals.length)] as string
  const mutation = byteMutations[random(byteMutations.length)] as (typeof byteMutations)[number]
  switch (random(4)) {
    case 0: {
      // The last has bits that stand for nothing.
      const at = random(2) === 0 ? one.length - 1 : random(one.length)
      return (
        one.slice(0, at) +
        String.fromCharCode(TEXT[random(TEXT.length)] as number) +
        one.slice(at + 1)
      )
    }
    case 1:
      return mutation(random, Buffer.from(one), Buffer.from(other)).toString('latin1')
    default: {
      const parts = one.split('.')
      const at = random(parts.length)
      const bytes = Buffer.from(parts[at] as string, 'base64url')
      const theirs = Buffer.from(other.split('.')[at] as string, 'base64url')
      parts[at] =
        random(3) === 0
          ? theirs.toString('base64url')
          : mutation(random, bytes, theirs).toString('base64url')
      return parts.join('.')
    }
  }
}

test(
  `of ${CASES} damaged JWTs none is accepted`,
  async () => {
    const outcomes = new Map<string, number>()
    for (let seed = 0; seed < CASES; seed++) {
      const jwt = damaged(seededRandom(seed))
      const verdict = await checkJwt(jwt, [identity], now)
      if (verdict.isGood && !whole.has(jwt)) {
        throw new Error(`accepted what nobody signed, seed ${seed}: ${jwt}`)
      }
      const outcome = verdict.isGood ? 'whole' : verdict.reason
      outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))
      if (seed % BATCH === 0) {
        await setImmediate()
      }
    }
    // Damage reaches every check.
    for (const reason of ['MALFORMED', 'BAD_SIGNATURE', 'whole']) {
      expect(outcomes.get(reason), reason).toBeGreaterThan(0)
    }
  },
  30 * 60_000,
)
