import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { schemeVerifier } from '../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sessionToken } from '../../src/envelope/shapes.js'
import { checkToken, type TokenReason } from '../../src/tokens/check.js'
import { TokenChecker } from '../../src/tokens/checker.js'
import { readToken, VERBS } from '../../src/tokens/token.js'
import { alice, carol, carolSha512, hop } from '../support/envelope.js'
import { mutate, seededRandom } from '../support/mutate.js'
import { CAROLS_ACCOUNT, CONTAINER, NBF, OBJECT, tokenWith, useOf } from '../support/tokens.js'

const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
const CASES = isLong ? 1_000_000 : 20_000
const BATCH = 1_000

const signers = [
  [alice.publicKey, alice],
  [hop.publicKey, hop],
  [CAROLS_ACCOUNT, carol],
  [CAROLS_ACCOUNT, carolSha512],
] as const
const objects = [
  undefined,
  { containerId: { value: CONTAINER }, objectId: undefined },
  { containerId: { value: CONTAINER }, objectId: { value: OBJECT } },
]
const originals = signers.flatMap(([owner, signer]) =>
  VERBS.flatMap((_, verb) =>
    objects.map((objectAddress) =>
      tokenWith({ ownerId: { value: owner }, verb, objectAddress }, signer),
    ),
  ),
)
const whole = new Set(originals.map((token) => token.toString('hex')))

test(
  `of ${CASES} damaged tokens none is accepted, nor does any make a checker crash`,
  async () => {
    const verify = schemeVerifier(sodiumEd25519)
    const checker = new TokenChecker({ verify, cacheBytes: 50_000 })
    const outcomes = new Map<TokenReason | 'accepted', number>()
    for (let seed = 0; seed < CASES; seed++) {
      const bytes = mutate(seededRandom(seed), originals, sessionToken)
      // What the token itself says that it allows: only the signature is in the way.
      const use = usesOf(bytes)
      const verdict = checkToken(bytes, use, { verify })
      const remembered = checker.check(bytes, use)
      const outcome = verdict.isGood ? 'accepted' : verdict.reason
      outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))
      const hex = Buffer.from(bytes).toString('hex')
      if (verdict.isGood && !whole.has(hex)) {
        throw new Error(`accepted with bytes that nobody signed, seed ${seed}: ${hex}`)
      }
      if (remembered.isGood !== verdict.isGood) {
        throw new Error(`a checker that remembers decides otherwise, seed ${seed}: ${hex}`)
      }
      if (seed % BATCH === 0) {
        await setImmediate()
      }
    }
    // The damage reaches every stage, else the test would show nothing.
    expect([...outcomes.keys()].sort()).toEqual(
      [
        'BAD_SIGNATURE',
        'INVALID_FIELD',
        'MALFORMED',
        'MISSING_FIELD',
        'OWNER_KEY_MISMATCH',
        'accepted',
      ].sort(),
    )
    expect(outcomes.get('BAD_SIGNATURE')).toBeGreaterThan(CASES / 50)
  },
  isLong ? 3_600_000 : 120_000,
)

function usesOf(bytes: Uint8Array) {
  try {
    const { verb, object, lifetime } = readToken(bytes).token
    return useOf({ verb, object: object ?? undefined, epoch: lifetime.nbf, proof: 'not-asked' })
  } catch {
    return useOf({ epoch: NBF, proof: 'not-asked' })
  }
}
