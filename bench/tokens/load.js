import { randomBytes, randomUUID } from 'node:crypto'
import { issueToken, TokenChecker } from '../../dist/tokens/index.js'
import { newOwner, newP256Owner } from '../lib/owners.js'

/*
 * Checks tokens: `node load.js JOB`. JOB is JSON with the `kind` of check and `seconds`. Prints how many in a second, and
 * the CPU of each.
 */

const NBF = 1_700_000_000n
const EPOCH = NBF + 1n
const BATCH = 50
/** Distinct tokens: more than are checked in a second where each is new. */
const NEW_TOKENS = 30_000
const SEEN_TOKENS = 1_000
const OBJECT = { containerId: randomBytes(32), objectId: randomBytes(32) }
const REQUEST = randomBytes(300)

const { kind, seconds } = JSON.parse(process.argv[2])

const { signer: sessionKey } = newOwner()
const isNew = kind.startsWith('new')
const count = isNew ? NEW_TOKENS : SEEN_TOKENS
const owners = Array.from({ length: 1_000 }, kind === 'new P-256' ? newP256Owner : newOwner)
const tokens = await Promise.all(
  Array.from({ length: count }, (_, i) => {
    const { id: owner, signer } = owners[i % owners.length]
    const lifetime = { exp: NBF + 1_000_000n, nbf: NBF, iat: BigInt(i) }
    const session = { id: randomUUID(), owner, publicKey: sessionKey.publicKey, lifetime }
    return issueToken({ session, verb: 'OBJECT_GET', object: OBJECT }, signer)
  }),
)
const proof =
  kind === 'proved' ? { content: REQUEST, signature: sessionKey.sign(REQUEST) } : 'not-asked'
/** @type {import('../../dist/tokens/index.js').TokenUse} */
const use = { verb: 'OBJECT_GET', object: OBJECT, epoch: EPOCH, proof }

let checker = new TokenChecker()
let next = 0
function check() {
  if (next === tokens.length) {
    next = 0
    if (isNew) {
      checker = new TokenChecker()
    }
  }
  if (!checker.check(tokens[next++], use).isGood) {
    throw new Error('a good token was refused')
  }
}

for (let i = 0; i < SEEN_TOKENS; i++) {
  check()
}
const startCpu = process.cpuUsage()
const startMs = performance.now()
let checks = 0
let elapsedMs = 0
for (; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startMs) {
  for (let i = 0; i < BATCH; i++) {
    check()
  }
  checks += BATCH
}
const { user, system } = process.cpuUsage(startCpu)
console.log(
  JSON.stringify({
    callsPerSecond: (checks / elapsedMs) * 1000,
    cpuMicrosPerCheck: (user + system) / checks,
  }),
)
