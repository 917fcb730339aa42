import { sameBytes, utf8Length } from './bytes.js'
import type { EpochClock } from './epoch.js'
import {
  IdempotencyKeyReusedError,
  InvalidFieldError,
  QuotaError,
  SessionEndedError,
} from './errors.js'
import { checkFreshness, checkLifetime, type Lifetime } from './lifetime.js'
import { MAX_OWNER_BYTES, type OwnerPolicy, ownerText } from './owner.js'
import type { Session, Token } from './session.js'
import type { Decision, InsertScope, Seen, SessionStore } from './store.js'
import { uuidV4 } from './uuid.js'

const UUID_BYTES = 16
const SEED_BYTES = 32
const MAX_IDEMPOTENCY_KEY_BYTES = 128
const MAX_CLIENT_BYTES = 256
const OVERDUE_PAGE = 100

/** What the use cases need from outside. */
export interface SessionsPorts {
  readonly store: SessionStore
  readonly clock: EpochClock
  readonly owners: OwnerPolicy
  /** `length` bytes from a cryptographic source, in memory of their own. */
  randomBytes(length: number): Uint8Array
  /** The Ed25519 public key, 32 bytes, of a seed of 32 bytes. */
  publicKey(seed: Uint8Array): Uint8Array
  /** Encrypts a seed, bound to the session that it belongs to. */
  seal(seed: Uint8Array, sessionId: string, token: Token): Uint8Array
}

export interface SessionsLimits {
  readonly maxLifetimeMs: number
  readonly maxEpochDriftMs: number
  /** 0 is none. */
  readonly maxSessionsPerOwner: number
  /** 0 is none. */
  readonly maxSessions: number
}

/** A request to open a token session, structurally sound but not yet believed. */
export interface CreateClaim {
  readonly owner: Uint8Array
  readonly lifetime: Lifetime
  /** Of the outermost meta header; 0 where its sender does not know. */
  readonly epoch: bigint
  readonly idempotencyKey: string | undefined
  readonly client: string
  /** Where the request came from. */
  readonly address: string
  /** SHA-256 of the body as it was received, 32 bytes. */
  bodySha256(): Uint8Array
  /** Checks every signature and returns the body's signing key. Throws SignatureError. */
  proveSigner(): Uint8Array
}

/** A session that Create opened. */
export type TokenSession = Session & { readonly token: Token }

/** Every use case, once. Transports translate to it and from it. */
export class Sessions {
  constructor(
    private readonly ports: SessionsPorts,
    private readonly limits: SessionsLimits,
  ) {}

  /**
   * Mints a session key for the holder of an owner's key. The same idempotency key and body give the
   * same session. The order of the checks is part of the contract: cheap before dear, and nothing is
   * said about an owner to whoever cannot sign.
   */
  async create(claim: CreateClaim): Promise<TokenSession> {
    const { clock, owners } = this.ports
    const now = clock.now()
    checkNames(claim)
    checkLifetime(claim.lifetime, now, clock.epochsIn(this.limits.maxLifetimeMs))
    checkFreshness(
      claim.lifetime.iat,
      claim.epoch,
      now,
      clock.epochsIn(this.limits.maxEpochDriftMs),
    )
    const signer = claim.proveSigner()
    owners.check(claim.owner, signer)

    const userId = ownerText(claim.owner)
    const scope: InsertScope = {
      userId,
      countOpenOfUser: this.limits.maxSessionsPerOwner > 0,
      ...(claim.idempotencyKey !== undefined && {
        idempotency: { owner: claim.owner, signer, key: claim.idempotencyKey },
      }),
    }
    const bodySha256 = claim.idempotencyKey === undefined ? undefined : claim.bodySha256()
    const attempt = () =>
      this.ports.store.insert(scope, (seen) => this.decideCreate(claim, userId, bodySha256, seen))
    try {
      return (await attempt()) as TokenSession
    } catch (error) {
      // The count holds sessions that are past their deadline until they are ended.
      if (!(error instanceof QuotaError) || !(await this.endOverdue(userId))) {
        throw error
      }
      return (await attempt()) as TokenSession
    }
  }

  private decideCreate(
    claim: CreateClaim,
    userId: string,
    bodySha256: Uint8Array | undefined,
    seen: Seen,
  ): Decision {
    const { clock, randomBytes, publicKey, seal } = this.ports
    if (seen.answered !== undefined && bodySha256 !== undefined) {
      if (!sameBytes(seen.answered.bodySha256, bodySha256)) {
        throw new IdempotencyKeyReusedError()
      }
      const { session } = seen.answered
      if (session === undefined || !this.isOpen(session)) {
        throw new SessionEndedError(seen.answered.sessionId)
      }
      return { keep: session }
    }
    this.checkQuota(seen)

    const random = randomBytes(UUID_BYTES + SEED_BYTES)
    const id = uuidV4(random.subarray(0, UUID_BYTES))
    const seed = random.subarray(UUID_BYTES)
    const token = { owner: claim.owner, lifetime: claim.lifetime, publicKey: publicKey(seed) }
    const sealed = seal(seed, id, token)
    random.fill(0)
    const nowMs = clock.nowMs()
    const endMs = clock.endMs(claim.lifetime.exp)
    return {
      insert: {
        session: {
          id,
          userId,
          userName: '',
          active: true,
          openTimeMs: nowMs,
          requestTimeMs: nowMs,
          closeTimeMs: null,
          address: claim.address,
          client: claim.client,
          user: null,
          data: null,
          token,
        },
        seal: sealed,
        dueTimeMs: endMs,
        ...(bodySha256 && { idempotency: { bodySha256, expiresTimeMs: endMs } }),
      },
    }
  }

  private checkQuota(seen: Seen): void {
    const { maxSessionsPerOwner, maxSessions } = this.limits
    if (maxSessionsPerOwner > 0 && seen.openOfUser >= maxSessionsPerOwner) {
      throw new QuotaError('owner', maxSessionsPerOwner)
    }
    if (maxSessions > 0 && seen.openInAll >= maxSessions) {
      throw new QuotaError('server', maxSessions)
    }
  }

  /** Whether a session is open at this moment, whatever the sweep has seen of it yet. */
  private isOpen(session: Session): boolean {
    const { clock } = this.ports
    return (
      session.active &&
      (session.token === null || clock.nowMs() < clock.endMs(session.token.lifetime.exp))
    )
  }

  /** Ends the user's sessions that are past their deadline; tells whether there was one. */
  private async endOverdue(userId: string): Promise<boolean> {
    const { store, clock } = this.ports
    let ended = false
    for (let skip = 0; ; skip += OVERDUE_PAGE) {
      const page = await store.list({
        userId,
        active: true,
        skip,
        take: OVERDUE_PAGE,
        total: false,
      })
      const overdue = page.sessions.filter((session) => !this.isOpen(session))
      await Promise.all(
        overdue.map((session) =>
          store.update(session.id, (current) =>
            current.active && !this.isOpen(current)
              ? { session: { ...current, active: false, closeTimeMs: clock.nowMs() } }
              : null,
          ),
        ),
      )
      ended ||= overdue.length > 0
      skip -= overdue.length
      if (page.sessions.length < OVERDUE_PAGE) {
        return ended
      }
    }
  }
}

/** Lengths that only depend on the request. Throws InvalidFieldError. */
function checkNames({ owner, idempotencyKey, client }: CreateClaim): void {
  if (owner.length > MAX_OWNER_BYTES) {
    throw new InvalidFieldError(
      'body.owner_id.value',
      `is ${owner.length} bytes; an owner id has at most ${MAX_OWNER_BYTES}`,
    )
  }
  if (idempotencyKey !== undefined) {
    const length = utf8Length(idempotencyKey)
    if (length < 1 || length > MAX_IDEMPOTENCY_KEY_BYTES) {
      throw new InvalidFieldError(
        'meta_header.x_headers',
        `: idempotency-key is ${length} bytes; it must have 1 to ${MAX_IDEMPOTENCY_KEY_BYTES}`,
      )
    }
  }
  if (utf8Length(client) > MAX_CLIENT_BYTES) {
    throw new InvalidFieldError(
      'meta_header.x_headers',
      `: client has more than ${MAX_CLIENT_BYTES} bytes`,
    )
  }
}
