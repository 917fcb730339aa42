import { sameBytes } from '../bytes.js'
import type { Expiry } from '../endings/expiry.js'
import type { EpochClock } from '../epoch.js'
import { IdempotencyKeyReusedError, SessionEndedError } from '../errors.js'
import { ownerText } from '../owner-text.js'
import { newSession, type Session, type Token } from '../session.js'
import type { Decision, NewSession, Seen } from '../store.js'
import { type CreateClaim, checkClaim, type NewKey } from './claim.js'
import { checkFreshness, checkLifetime } from './lifetime.js'
import type { OwnerPolicy } from './owner.js'
import type { Quota } from './quota.js'

export interface CreatePorts {
  readonly clock: EpochClock
  readonly expiry: Expiry
  readonly owners: OwnerPolicy
}

export interface CreateLimits extends Quota {
  readonly maxLifetimeMs: number
  readonly maxEpochDriftMs: number
}

/** A session that Create opened. */
export type TokenSession = Session & { readonly token: Token }

/**
 * Opens a token session for whoever signs with an owner's key. The same idempotency key and body give the same session.
 * The order of the checks is part of the contract: cheap checks first; owner errors only after the signatures.
 */
export async function createSession(
  claim: CreateClaim,
  ports: CreatePorts,
  limits: CreateLimits,
): Promise<TokenSession> {
  const { clock, expiry, owners } = ports
  const now = clock.now()
  checkClaim(claim)
  checkLifetime(claim.lifetime, now, clock.epochsIn(limits.maxLifetimeMs))
  const maxDriftEpochs = clock.epochsIn(limits.maxEpochDriftMs)
  checkFreshness(claim.lifetime.iat, claim.epoch, now, maxDriftEpochs)
  const { owner, signer, idempotencyKey: key } = claim
  const refusal = owners.refusal(owner, signer)
  if (refusal !== null) {
    await claim.prove()
    throw refusal
  }
  const newKey = await claim.proveAndMint()
  const userId = ownerText(owner)
  const bodySha256 = key === undefined ? undefined : claim.bodySha256()
  const scope = {
    userId,
    ...(key !== undefined && { idempotency: { owner, signer, key } }),
  }
  const decide = (seen: Seen): Decision => {
    const earlier = bodySha256 && openedBefore(seen, bodySha256, expiry)
    if (earlier !== undefined) {
      return { keep: earlier }
    }
    return { insert: newTokenSession(claim, userId, newKey, bodySha256, clock) }
  }
  return (await expiry.insert(scope, limits, decide)) as TokenSession
}

/** `bodySha256`: given if there is an idempotency key. */
function newTokenSession(
  { owner, lifetime, address, client }: CreateClaim,
  userId: string,
  key: NewKey,
  bodySha256: Uint8Array | undefined,
  clock: EpochClock,
): NewSession {
  const { id, publicKey, seal } = key
  const token: Token = {
    ...{ owner, lifetime, publicKey },
    ...(seal === null && { isBound: true }),
  }
  const endsAtMs = clock.endsAtMs(lifetime.exp)
  return {
    session: newSession({ id, userId, address, client, token }, clock.nowMs()),
    ...(seal !== null && { seal: seal() }),
    sweepAtMs: endsAtMs,
    ...(bodySha256 && { idempotency: { bodySha256, expiresTimeMs: endsAtMs } }),
  }
}

/** The session that this idempotency key opened. Throws if that was for another body, or the session has ended. */
function openedBefore(
  { idempotency }: Seen,
  bodySha256: Uint8Array,
  { rules }: Expiry,
): Session | undefined {
  if (idempotency === undefined) {
    return undefined
  }
  if (!sameBytes(idempotency.bodySha256, bodySha256)) {
    throw new IdempotencyKeyReusedError()
  }
  if (idempotency.session === undefined || !rules.asOfNow(idempotency.session).active) {
    throw new SessionEndedError(idempotency.sessionId)
  }
  return idempotency.session
}
