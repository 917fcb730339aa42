import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  countFitting,
  readJobs,
  readOutcomes,
  writeJobs,
  writeOutcomes,
} from '../../../src/minting/batch.js'
import type { MintJob, MintOutcome } from '../../../src/minting/job.js'

const signer = new Uint8Array(32).fill(7)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyBytes = fc.uint8Array({ maxLength: 50 })
const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

const lifetime = fc.record({ exp: number, nbf: number, iat: number })

const jobs: fc.Arbitrary<MintJob[]> = fc.array(
  fc.record(
    {
      answer: anyBytes,
      use: fc.record({
        seal: anyBytes,
        sessionId: fc.string({ unit: 'grapheme' }),
        binding: fc.record({ owner: anyBytes, lifetime, publicKey: anyBytes }),
        data: fc.array(anyBytes, { maxLength: 3 }),
        request: anyBytes,
      }),
      checks: fc.array(fc.record({ key: anyBytes, sign: anyBytes, content: anyBytes }), {
        maxLength: 3,
      }),
      mint: fc.option(
        fc.record({
          owner: anyBytes,
          lifetime,
          idBits: fc.option(
            fc.record({
              at: fc.constantFrom('start' as const, 'version' as const),
              bits: fc.nat(2 ** 12 - 1),
            }),
          ),
          meta: fc.option(anyBytes),
        }),
      ),
    },
    { requiredKeys: ['checks', 'mint'] },
  ),
)

const outcomes: fc.Arbitrary<(MintOutcome | null)[]> = fc.array(
  fc.option(
    fc.record(
      {
        used: anyBytes,
        answered: fc.record({ signature: bytes(64), signer: fc.constant(signer) }),
        failedCheck: fc.option(fc.nat(255)),
        verifyMs: fc.double({ noNaN: true }),
        signMs: fc.double({ noNaN: true }),
        minted: fc.option(
          fc.record({
            id: bytes(16),
            publicKey: bytes(32),
            seal: anyBytes,
            bodySignature: bytes(64),
            metaSignature: fc.option(bytes(64)),
            signer: fc.constant(signer),
          }),
        ),
      },
      { requiredKeys: ['failedCheck', 'verifyMs', 'signMs', 'minted'] },
    ),
  ),
)

/** Slices of a Buffer as what they were made of. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Uint8Array.from(value)
  }
  if (Array.isArray(value)) {
    return value.map(plain)
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
    : value
}

const memory = Buffer.alloc(64 * 1024)

it('gives the other thread the very jobs', () => {
  fc.assert(
    fc.property(jobs, (given) => {
      const length = writeJobs(memory, given)
      expect(plain(readJobs(memory.subarray(0, length)))).toEqual(given)
    }),
  )
})

it('gives this thread the very outcomes', () => {
  fc.assert(
    fc.property(outcomes, (given) => {
      const length = writeOutcomes(memory, given)
      expect(plain(readOutcomes(memory.subarray(0, length), signer))).toEqual(given)
    }),
  )
})

it('counts as many jobs as fit, to the byte', () => {
  fc.assert(
    fc.property(jobs, (given) => {
      const length = writeJobs(memory, given)
      expect(countFitting(given, length)).toBe(given.length)
      expect(countFitting(given, length - 1)).toBe(Math.max(0, given.length - 1))
    }),
  )
})
