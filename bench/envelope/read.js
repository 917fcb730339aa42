// node bench/envelope/read.js [SECONDS]: what it costs to read a request and list its signatures, without the
// signatures themselves. Run it with --cpu-prof to see where the time goes.
import { sodiumEd25519 } from '../../dist/crypto/sodium.js'
import { verifyChain } from '../../dist/envelope/chain.js'
import { readCreateRequest } from '../../dist/envelope/create.js'
import { signRequest } from '../../dist/envelope/sign.js'
import { wrapRequest } from '../../dist/envelope/wrap.js'
import { CreateRequest_Body } from '../../dist/generated/session/service.js'
import { encodeMeta } from '../lib/meta.js'

const SECONDS = Number(process.argv[2] ?? 1)
const ROUNDS = 10
const BATCH = 1000

const signer = sodiumEd25519.signer(new Uint8Array(32))
const accept = () => true
const verifiers = { body: accept, header: accept }

/** A request of so many levels, with the x-headers that the SDK sends. */
function requestOf(levels) {
  const xHeaders = [
    { key: 'idempotency-key', value: '0b8fd8a2-6f0e-4b8a-9a77-6f3b8b7b1a11' },
    { key: 'client', value: 'bench' },
  ]
  const [epoch, exp] = [1_700_000_000n, 1_700_003_600n]
  const body = CreateRequest_Body.encode({
    ownerId: { value: signer.publicKey },
    lifetime: { exp, nbf: epoch, iat: epoch },
  }).finish()
  let bytes = signRequest({ body, meta: encodeMeta({ epoch, ttl: levels, xHeaders }) }, signer)
  for (let level = 1; level < levels; level++) {
    bytes = wrapRequest(bytes, signer)
  }
  return bytes
}

/** Microseconds each, in the best of the rounds: whatever else runs here only adds. */
function measure(run) {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now()
    let runs = 0
    let elapsedMs = 0
    for (; elapsedMs < (SECONDS * 1000) / ROUNDS; elapsedMs = performance.now() - startMs) {
      for (let i = 0; i < BATCH; i++) {
        run()
      }
      runs += BATCH
    }
    best = Math.min(best, (elapsedMs * 1000) / runs)
  }
  return best
}

for (const levels of [1, 3, 16]) {
  const bytes = requestOf(levels)
  const us = measure(() => verifyChain(readCreateRequest(bytes).message, verifiers))
  console.log(`${levels} levels, ${bytes.length} bytes: ${us.toFixed(2)} µs`)
}
