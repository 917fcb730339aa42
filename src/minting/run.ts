import { SEED_BYTES } from '../core/key-lengths.js'
import { UUID_BYTES, uuidText, uuidV4Bytes } from '../core/uuid.js'
import type { Signer } from '../crypto/ed25519.js'
import { schemeVerifier } from '../crypto/schemes.js'
import { NONCE_BYTES, openSeal, type SealingKeys, sealSeed } from '../crypto/seal.js'
import { signOnce, sodiumEd25519, sodiumRandomBytes } from '../crypto/sodium.js'
import { responseBody } from '../envelope/create.js'
import { signResponseBody } from '../envelope/tokens.js'
import type { KeyUse, Minted, MintJob, MintOutcome, MintRequest } from './job.js'

/** What seals session keys, and signs answers. */
export interface MintingKeys {
  readonly sealing: SealingKeys
  readonly identity: Signer
}

const verify = schemeVerifier(sodiumEd25519)

/**
 * Does a job in this thread. `randomBytes` gives so many from a cryptographic source, in memory of their own;
 * they are wiped. Throws SealError where the sealing key is not at hand.
 */
export function runJob(
  { checks, mint, answer, use }: MintJob,
  keys: MintingKeys,
  randomBytes: (length: number) => Uint8Array = sodiumRandomBytes,
): MintOutcome {
  const startedAtMs = performance.now()
  const failed = checks.findIndex(({ key, sign, content }) => !verify(key, sign, content))
  const verifyMs = performance.now() - startedAtMs
  if (failed >= 0) {
    return { failedCheck: failed, minted: null, verifyMs, signMs: 0 }
  }
  const made =
    mint === null
      ? { minted: null, signMs: 0 }
      : mintKey(mint, keys, randomBytes(UUID_BYTES + SEED_BYTES + NONCE_BYTES))
  const outcome = { failedCheck: null, verifyMs, ...made }
  if (use !== undefined) {
    const used = useKey(use, keys.sealing)
    return { ...outcome, used, ...signAnswer(used, keys) }
  }
  return answer === undefined ? outcome : { ...outcome, ...signAnswer(answer, keys) }
}

/** The body of the answer that has the signatures. The seed is in memory for this call only. */
function useKey({ seal, sessionId, binding, data, request }: KeyUse, sealing: SealingKeys): Buffer {
  const seed = openSeal(sealing, seal, sessionId, binding)
  try {
    return signResponseBody(request, signOnce(seed, binding.publicKey, data))
  } finally {
    seed.fill(0)
  }
}

function signAnswer(answer: Uint8Array, { identity }: MintingKeys) {
  const startedAtMs = performance.now()
  const signature = identity.sign(answer)
  const signMs = performance.now() - startedAtMs
  return { answered: { signature, signer: identity.publicKey }, signMs }
}

function mintKey(
  { owner, lifetime, idBits, meta }: MintRequest,
  { sealing, identity }: MintingKeys,
  random: Uint8Array,
): Pick<MintOutcome, 'signMs'> & { minted: Minted } {
  const id = uuidV4Bytes(random.subarray(0, UUID_BYTES), idBits)
  const seed = random.subarray(UUID_BYTES, UUID_BYTES + SEED_BYTES)
  const nonce = random.subarray(UUID_BYTES + SEED_BYTES)
  const publicKey = sodiumEd25519.publicKey(seed)
  const seal = sealSeed(sealing, seed, uuidText(id), { owner, lifetime, publicKey }, nonce)
  random.fill(0)
  const startedAtMs = performance.now()
  const body = responseBody(id, publicKey)
  const bodySignature = identity.sign(body)
  const metaSignature = meta && identity.sign(meta)
  const signMs = performance.now() - startedAtMs
  const signer = identity.publicKey
  return { minted: { id, publicKey, seal, bodySignature, metaSignature, signer }, signMs }
}
