import type { EpochClock } from '../epoch.js'
import { SEED_BYTES } from '../key-lengths.js'
import { newSession, type Token } from '../session.js'
import type { NewSession } from '../store.js'
import { UUID_BYTES, uuidV4 } from '../uuid.js'
import type { CreateClaim } from './claim.js'

/** What a new session key is made with. */
export interface MintPorts {
  readonly clock: EpochClock
  /** `length` bytes from a cryptographic source, in memory of their own. */
  randomBytes(length: number): Uint8Array
  /** The Ed25519 public key, 32 bytes, of a seed of 32 bytes. */
  publicKey(seed: Uint8Array): Uint8Array
  /** Encrypts a seed, bound to the session that it belongs to. */
  seal(seed: Uint8Array, sessionId: string, token: Token): Uint8Array
}

/** A new token session with its sealed key; `bodySha256` where an idempotency key is to stand for it. */
export function mint(
  claim: CreateClaim,
  userId: string,
  bodySha256: Uint8Array | undefined,
  { clock, randomBytes, publicKey, seal }: MintPorts,
): NewSession {
  const { owner, lifetime, address, client } = claim
  const random = randomBytes(UUID_BYTES + SEED_BYTES)
  const id = uuidV4(random.subarray(0, UUID_BYTES))
  const seed = random.subarray(UUID_BYTES)
  const token = { owner, lifetime, publicKey: publicKey(seed) }
  const sealed = seal(seed, id, token)
  random.fill(0)
  const endsAtMs = clock.endsAtMs(lifetime.exp)
  return {
    session: newSession({ id, userId, address, client, token }, clock.nowMs()),
    seal: sealed,
    sweepAtMs: endsAtMs,
    ...(bodySha256 && { idempotency: { bodySha256, expiresTimeMs: endsAtMs } }),
  }
}
