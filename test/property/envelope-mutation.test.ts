import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { SessiondError } from '../../src/core/errors.js'
import { cachedVerify } from '../../src/crypto/schemes.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateRequest } from '../../src/envelope/create.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import {
  alice,
  carol,
  carolSha512,
  hop,
  request,
  requestBody,
  requestMeta,
  verifiers,
} from '../support/envelope.js'
import { mutate, seededRandom } from '../support/mutate.js'

const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
const CASES = isLong ? 10_000_000 : 20_000
const BATCH = 1_000
const HEAP_SAMPLE = 500_000
const MAX_HEAP_GROWTH_BYTES = 8 * 2 ** 20

const signers = [alice, hop, carol, carolSha512]
const remembering = cachedVerify(verifiers.body, 1_000)

/** 32 requests: of one to four levels, signed in every scheme, with and without x-headers. */
const originals = signers.flatMap((signer, s) =>
  Array.from({ length: 8 }, (_, n) => {
    const xHeaders = n < 4 ? [] : [{ key: 'idempotency-key', value: `${s}${n}` }]
    let bytes = request(
      requestMeta({ ttl: 9, xHeaders }),
      requestBody(Buffer.alloc(32, 8 * s + n)),
      signer,
    )
    for (let level = 0; level < n % 4; level++) {
      bytes = wrapRequest(bytes, signers[(s + n + level) % 4] as typeof alice)
    }
    return bytes
  }),
)

/**
 * Every slice that the message lives by: what it is for, whose it is and its bytes. At the
 * innermost level all must be the body's signer's. Throws what the library throws.
 */
function accept(bytes: Uint8Array): string[] {
  const { message } = readCreateRequest(bytes)
  const signer = verifyChain(message, { body: remembering, header: remembering })
  const entry = (role: string, key: Uint8Array | undefined, slice: Uint8Array | undefined) =>
    [role, Buffer.from(key ?? []).toString('hex'), Buffer.from(slice ?? []).toString('hex')].join()
  return [
    entry('body', signer, message.body),
    ...message.levels.flatMap(({ meta, metaSignature }, i) => {
      const key = i === 0 ? signer : metaSignature?.key
      return [entry('meta', key, meta), entry('wrapped', key, message.levels[i - 1]?.verify)]
    }),
  ]
}

const signed = new Set(originals.flatMap(accept))

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

test(
  `of ${CASES} damaged requests none crashes, none is accepted with other signed bytes`,
  async () => {
    const outcomes = new Map<string, number>()
    const heap: number[] = []
    for (let seed = 0; seed < CASES; seed++) {
      const bytes = mutate(seededRandom(seed), originals)
      const fail = (what: string, cause?: unknown) =>
        new Error(`${what}, seed ${seed}: ${Buffer.from(bytes).toString('hex')}`, { cause })
      let outcome = 'accepted'
      try {
        if (!accept(bytes).every((slice) => signed.has(slice))) {
          throw fail('accepted with bytes that nobody signed')
        }
      } catch (error) {
        if (!(error instanceof SessiondError)) {
          throw fail('not refused but crashed', error)
        }
        outcome = error.code
      }
      outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))
      if (seed % BATCH === 0) {
        await setImmediate()
      }
      if (isLong && seed % HEAP_SAMPLE === 0) {
        heap.push(heapBytes())
      }
    }
    // The damage reaches every stage, else the test would show nothing.
    expect([...outcomes.keys()].sort()).toEqual([
      'BAD_SIGNATURE',
      'INVALID_FIELD',
      'MALFORMED',
      'MISSING_FIELD',
      'UNSUPPORTED_VERSION',
      'accepted',
    ])
    expect(outcomes.get('BAD_SIGNATURE')).toBeGreaterThan(CASES / 20)
    // The first samples still see code being compiled and caches being filled.
    const [settled = 0, ...later] = heap.slice(2)
    expect(Math.max(0, ...later) - settled).toBeLessThan(MAX_HEAP_GROWTH_BYTES)
  },
  isLong ? 3 * 3_600_000 : 120_000,
)
