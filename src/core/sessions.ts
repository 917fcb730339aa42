import {
  checkDataSize,
  checkJson,
  checkName,
  checkRequired,
  type ListArguments,
  type OpenArguments,
} from './arguments.js'
import type { Audit, Caller } from './audit.js'
import { sameBytes } from './bytes.js'
import { type CreateClaim, checkClaim } from './claim.js'
import { type DeadlineSettings, Deadlines, ended } from './deadlines.js'
import {
  ClockSuspectError,
  ConflictError,
  IdempotencyKeyReusedError,
  NotFoundError,
  QuotaError,
  SessionEndedError,
} from './errors.js'
import { checkFreshness, checkLifetime } from './lifetime.js'
import { type MintPorts, mint } from './mint.js'
import { type OwnerPolicy, ownerText } from './owner.js'
import { checkQuota, type Quota } from './quota.js'
import { newSession, type Session, type Token } from './session.js'
import type { Decision, InsertScope, Seen, SessionPage, SessionStore, Update } from './store.js'
import { Sweep, type SweepCounts } from './sweep.js'
import { UUID_BYTES, uuidV4 } from './uuid.js'

const PAGE = 100
/** `load` moves the request time no more often. */
const TOUCH_INTERVAL_MS = 1000

/** What the use cases need from outside. */
export interface SessionsPorts extends MintPorts {
  readonly store: SessionStore
  readonly owners: OwnerPolicy
  readonly audit: Audit
}

export interface SessionsLimits extends DeadlineSettings, Quota {
  readonly maxLifetimeMs: number
  readonly maxEpochDriftMs: number
  /** `user` and `data` of a session together, as JSON in UTF-8. */
  readonly maxDataBytes: number
}

/** A session that Create opened. */
export type TokenSession = Session & { readonly token: Token }

/** Thrown to itself: a session that a command would find again is past its deadline. */
class OverdueFound extends Error {
  constructor(readonly sessionId: string) {
    super()
  }
}

/** Every use case, once. Transports translate to it and from it. */
export class Sessions {
  private readonly deadlines: Deadlines
  private readonly sweep: Sweep

  constructor(
    private readonly ports: SessionsPorts,
    private readonly limits: SessionsLimits,
  ) {
    this.deadlines = new Deadlines(ports.clock, limits)
    this.sweep = new Sweep(ports.store, ports.clock, this.deadlines)
  }

  /**
   * Mints a session key for the holder of an owner's key. The same idempotency key and body give the
   * same session. The order of the checks is part of the contract: cheap before dear, and nothing is
   * said about an owner to whoever cannot sign.
   */
  async create(claim: CreateClaim): Promise<TokenSession> {
    const { clock, owners } = this.ports
    const now = clock.now()
    checkClaim(claim)
    checkLifetime(claim.lifetime, now, clock.epochsIn(this.limits.maxLifetimeMs))
    const maxDriftEpochs = clock.epochsIn(this.limits.maxEpochDriftMs)
    checkFreshness(claim.lifetime.iat, claim.epoch, now, maxDriftEpochs)
    const signer = claim.proveSigner()
    owners.check(claim.owner, signer)

    const { owner, idempotencyKey: key } = claim
    const userId = ownerText(owner)
    const bodySha256 = key === undefined ? undefined : claim.bodySha256()
    const scope = {
      userId,
      countOpenOfUser: this.limits.maxSessionsPerOwner > 0,
      ...(key !== undefined && { idempotency: { owner, signer, key } }),
    }
    return (await this.insert(scope, (seen) =>
      this.decideCreate(claim, userId, bodySha256, seen),
    )) as TokenSession
  }

  /** Opens a session, or finds the one that this user has open from this address and client. */
  async open(args: OpenArguments): Promise<Session> {
    const { userId, userName, address, client, user, data } = args
    checkRequired('user_id', userId)
    checkName('user_name', userName ?? '')
    checkName('address', address)
    checkName('client', client)
    checkJson('user', user)
    checkJson('data', data)
    checkDataSize(user, data, this.limits.maxDataBytes)
    const scope = {
      userId,
      reuse: { address, client },
      countOpenOfUser: this.limits.maxSessionsPerOwner > 0,
    }
    return this.insert(scope, (seen) => this.decideOpen(args, seen))
  }

  /** The session with this id; of one that has ended neither `user` nor `data`. */
  async get(id: string): Promise<Session | null> {
    checkRequired('session_id', id)
    const session = await this.ports.store.get(id)
    return session === undefined ? null : this.view(session)
  }

  /** The open session of this user with this id, for which this counts as a request. */
  async load(userId: string, id: string): Promise<Session | null> {
    checkRequired('user_id', userId)
    const session = await this.get(id)
    if (session === null || !session.active || session.userId !== userId) {
      return null
    }
    if (this.ports.clock.nowMs() - session.requestTimeMs < TOUCH_INTERVAL_MS) {
      return session
    }
    const touched = await this.ports.store.update(
      id,
      (current) =>
        current.active && !this.deadlines.isOverdue(current)
          ? { session: this.touched(current) }
          : null,
      { durable: false },
    )
    return touched !== undefined && this.view(touched).active ? touched : null
  }

  /** A page of sessions, newest request first. */
  async list(args: ListArguments): Promise<SessionPage> {
    if (args.id !== undefined) {
      return this.listOne(args)
    }
    const { skip = 0, take = PAGE, total = false, ...filter } = args
    checkName('user_id', filter.userId ?? '')
    await this.sweep.step()
    const query = { ...filter, skip, take: Math.min(take, PAGE), total }
    for (;;) {
      const page = await this.ports.store.list(query)
      const overdue = page.sessions.filter((session) => this.deadlines.isOverdue(session))
      if (overdue.length === 0) {
        return { ...page, sessions: page.sessions.map((session) => this.view(session)) }
      }
      await Promise.all(overdue.map((session) => this.endIfOverdue(session.id)))
    }
  }

  /** Replaces the session's data. Throws NotFoundError, ConflictError where it has ended. */
  storeData(id: string, data: string | null, userId?: string): Promise<Session> {
    checkJson('data', data)
    return this.write(id, { data }, userId)
  }

  /** Replaces what is known of the session's user. Throws NotFoundError, ConflictError. */
  updateUser(id: string, user: string | null): Promise<Session> {
    checkJson('user', user)
    return this.write(id, { user })
  }

  /** Ends a session, and returns it as it was; null where no session has the id. */
  async close(id: string, caller: Caller): Promise<Session | null> {
    checkRequired('session_id', id)
    const { audit, clock, store } = this.ports
    await audit.check()
    let before: Session | null = null
    await store.update(id, (current) => {
      before = this.deadlines.asOfNow(current)
      return current.active ? this.end(current, before.closeTimeMs ?? clock.nowMs()) : null
    })
    await this.record('close', before, caller)
    return before
  }

  /** Ends the session that a command opened for this user, address and client, if there is one. */
  async closeOpened(
    userId: string,
    address: string,
    client: string,
    caller: Caller,
  ): Promise<void> {
    checkRequired('user_id', userId)
    checkName('address', address)
    checkName('client', client)
    const session = await this.ports.store.findOpened(userId, address, client)
    if (session !== undefined) {
      await this.close(session.id, caller)
    }
  }

  /** Deletes a session, of this user where one is given, and returns it as it was. */
  async delete(id: string, userId: string | undefined, caller: Caller): Promise<Session | null> {
    checkRequired('session_id', id)
    await this.ports.audit.check()
    const isTheirs = (current: Session) => userId === undefined || current.userId === userId
    const before = (await this.ports.store.remove(id, isTheirs)) ?? null
    await this.record('delete', before, caller)
    return before
  }

  /** What has been ended and purged since the start. */
  get swept(): SweepCounts {
    return this.sweep.done
  }

  /**
   * Ends and purges everything that is due, or leaves off when `stop` is aborted. Throws ClockSuspectError
   * where that cannot be told.
   */
  async closeExpired(stop?: AbortSignal): Promise<SweepCounts> {
    const counts = await this.sweep.run(stop)
    if (this.ports.clock.isSuspect()) {
      throw new ClockSuspectError()
    }
    return counts
  }

  private async record(action: string, before: Session | null, caller: Caller): Promise<void> {
    if (before !== null) {
      const { id, userId, active } = before
      const facts = { sessionId: id, userId, wasOpen: active }
      await this.ports.audit.record({ action, caller, facts })
    }
  }

  private decideCreate(
    claim: CreateClaim,
    userId: string,
    bodySha256: Uint8Array | undefined,
    seen: Seen,
  ): Decision {
    if (seen.answered !== undefined && bodySha256 !== undefined) {
      const { session, sessionId } = seen.answered
      if (!sameBytes(seen.answered.bodySha256, bodySha256)) {
        throw new IdempotencyKeyReusedError()
      }
      if (session === undefined || !this.deadlines.asOfNow(session).active) {
        throw new SessionEndedError(sessionId)
      }
      return { keep: session }
    }
    checkQuota(seen, this.limits)
    return { insert: mint(claim, userId, bodySha256, this.ports) }
  }

  private decideOpen(args: OpenArguments, seen: Seen): Decision {
    const { userId, address, client, userName, user, data } = args
    const given = {
      ...(userName !== undefined && { userName }),
      ...(user !== undefined && { user }),
      ...(data !== undefined && { data }),
    }
    if (seen.reusable !== undefined) {
      if (this.deadlines.isOverdue(seen.reusable)) {
        throw new OverdueFound(seen.reusable.id)
      }
      const session = { ...this.touched(seen.reusable), ...given }
      checkDataSize(session.user, session.data, this.limits.maxDataBytes)
      return { replace: { session } }
    }
    checkQuota(seen, this.limits)
    const id = uuidV4(this.ports.randomBytes(UUID_BYTES))
    const nowMs = this.ports.clock.nowMs()
    const opened = newSession({ id, userId, address, client, token: null }, nowMs)
    const session = { ...opened, ...given }
    return { insert: { session, dueTimeMs: this.deadlines.lookMs(session) } }
  }

  /** Inserts; where what is past its deadline may stand in the way, ends that first. */
  private async insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    for (let swept = false; ; ) {
      try {
        return await this.ports.store.insert(scope, decide)
      } catch (error) {
        if (error instanceof OverdueFound) {
          await this.endIfOverdue(error.sessionId)
        } else if (error instanceof QuotaError && !swept) {
          // Records marked active count, so it may only seem to be reached.
          await this.sweep.run()
          if (scope.reuse !== undefined) {
            await this.endOverdueOf(scope.userId)
          }
          swept = true
        } else {
          throw error
        }
      }
    }
  }

  private async write(
    id: string,
    change: Partial<Pick<Session, 'user' | 'data'>>,
    userId?: string,
  ): Promise<Session> {
    checkRequired('session_id', id)
    const written = await this.ports.store.update(id, (current) => {
      if (userId !== undefined && current.userId !== userId) {
        throw new NotFoundError(id)
      }
      if (!current.active || this.deadlines.isOverdue(current)) {
        throw new ConflictError(id)
      }
      const session = { ...this.touched(current), ...change }
      checkDataSize(session.user, session.data, this.limits.maxDataBytes)
      return { session }
    })
    if (written === undefined) {
      throw new NotFoundError(id)
    }
    return written
  }

  private async listOne({
    id = '',
    skip = 0,
    take = PAGE,
    total = false,
    ...filter
  }: ListArguments) {
    const { userId, active, fromTimeMs = 0, toTimeMs = Number.POSITIVE_INFINITY } = filter
    const stored = await this.ports.store.get(id)
    const session = stored && this.view(stored)
    const matches =
      session !== undefined &&
      (userId === undefined || session.userId === userId) &&
      (active === undefined || session.active === active) &&
      fromTimeMs <= session.requestTimeMs &&
      session.requestTimeMs < toTimeMs
    return {
      sessions: matches && skip === 0 && take > 0 ? [session] : [],
      total: total ? Number(matches) : null,
    }
  }

  /** What shorter settings have ended, and the sweep looks at later. Of token sessions the sweep leaves none. */
  private async endOverdueOf(userId: string): Promise<void> {
    for (let skip = 0; ; skip += PAGE) {
      const query = { userId, active: true, skip, take: PAGE, total: false }
      const { sessions } = await this.ports.store.list(query)
      const overdue = sessions.filter((session) => this.deadlines.isOverdue(session))
      await Promise.all(overdue.map(({ id }) => this.endIfOverdue(id)))
      skip -= overdue.length
      if (sessions.length < PAGE) {
        return
      }
    }
  }

  private async endIfOverdue(id: string): Promise<void> {
    await this.ports.store.update(id, (current) =>
      this.deadlines.isOverdue(current) ? this.end(current, this.deadlines.endMs(current)) : null,
    )
  }

  private end(session: Session, closeTimeMs: number): Update {
    const after = ended(session, closeTimeMs)
    return { session: after, dueTimeMs: this.deadlines.lookMs(after) }
  }

  /** What is shown of a session at this moment: of one that has ended neither `user` nor `data`. */
  private view(session: Session): Session {
    const now = this.deadlines.asOfNow(session)
    return now.active ? now : { ...now, user: null, data: null }
  }

  /** The session with this moment as its last request; time never goes backwards. */
  private touched(session: Session): Session {
    return { ...session, requestTimeMs: Math.max(session.requestTimeMs, this.ports.clock.nowMs()) }
  }
}
