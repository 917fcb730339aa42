import type { Quota } from '../create/quota.js'
import type { Expiry } from '../endings/expiry.js'
import type { ExpiryRules } from '../endings/expiry-rules.js'
import type { SweepCounts } from '../endings/sweep.js'
import type { EpochClock } from '../epoch.js'
import { ClockSuspectError, ConflictError, NotFoundError } from '../errors.js'
import type { Audit, Caller } from '../operators/audit.js'
import { newSession, type Session } from '../session.js'
import type { Decision, Seen, SessionStore } from '../store.js'
import type { SessionPage } from '../store-lists.js'
import {
  checkClient,
  checkDataSize,
  checkJson,
  checkName,
  checkRequired,
  type ListArguments,
  type OpenArguments,
} from './arguments.js'
import { listSessions } from './list-sessions.js'

/** How often `load` moves the request time, at most. */
const TOUCH_INTERVAL_MS = 1000

/** What the commands need. */
export interface SessionsPorts {
  readonly store: SessionStore
  readonly expiry: Expiry
  readonly audit: Audit
  readonly clock: EpochClock
  /** A new UUIDv4 for a session of this user, from a cryptographic source. */
  newId(userId: string): string
}

export interface SessionsLimits extends Quota {
  /** Of `user` and `data` together, as JSON in UTF-8. */
  readonly maxDataBytes: number
}

/** Whose session it must be. Another user's counts as absent. */
export interface OfUser {
  readonly userId?: string | undefined
}

/** A session after `close`. */
export interface ClosedSession extends Session {
  /** Whether it was open until this call. */
  readonly wasOpen: boolean
}

/** The sessions commands. Transports only translate to and from them. */
export class Sessions {
  private readonly rules: ExpiryRules

  constructor(
    private readonly ports: SessionsPorts,
    private readonly limits: SessionsLimits,
  ) {
    this.rules = ports.expiry.rules
  }

  /** Opens a session, or returns the one that this user has open from this address and client. */
  async open(args: OpenArguments): Promise<Session> {
    const { userId, userName, address, client, user, data } = args
    checkRequired('user_id', userId)
    checkName('user_name', userName ?? '')
    checkName('address', address)
    checkClient(client)
    checkJson('user', user)
    checkJson('data', data)
    checkDataSize(user, data, this.limits.maxDataBytes)
    const scope = { userId, reuse: { address, client } }
    // Without `await`, settling a promise by another one would take two more turns of the queue.
    return await this.ports.expiry.insert(scope, this.limits, (seen) => this.decideOpen(args, seen))
  }

  /** The session with this id. */
  async get(id: string): Promise<Session | null> {
    checkRequired('session_id', id)
    const session = await this.ports.store.get(id)
    return session === undefined ? null : this.rules.asOfNow(session)
  }

  /** This user's open session with this id. Counts as a request. */
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
        current.active && !this.rules.isOverdue(current)
          ? { session: this.touched(current) }
          : null,
      { durable: false },
    )
    return touched !== undefined && this.rules.asOfNow(touched).active ? touched : null
  }

  /** A page of sessions, newest request first. Throws the signal's reason. */
  list(args: ListArguments, signal?: AbortSignal): Promise<SessionPage> {
    return listSessions(this.ports, args, signal)
  }

  /** Replaces the session's data. Throws NotFoundError; ConflictError if it has ended. */
  storeData(id: string, data: string | null, of: OfUser = {}): Promise<Session> {
    checkJson('data', data)
    return this.write(id, { data }, of)
  }

  /** Replaces the session's `user`. Throws NotFoundError; ConflictError if it has ended. */
  updateUser(id: string, user: string | null): Promise<Session> {
    checkJson('user', user)
    return this.write(id, { user })
  }

  /** Closes a session. null if there is none with this id. */
  async close(id: string, caller: Caller): Promise<ClosedSession | null> {
    checkRequired('session_id', id)
    await this.ports.audit.check()
    const ended = await this.ports.expiry.end(id, { reason: 'closed', by: caller.name })
    if (ended === undefined) {
      return null
    }
    const { session, wasOpen } = ended
    await this.record('close', session, wasOpen, caller)
    return { ...session, wasOpen }
  }

  /**
   * Closes the sessions that commands opened for this user, address and client. There is rarely more than one, but
   * earlier services opened one at each login.
   */
  async closeOpened(
    userId: string,
    address: string,
    client: string,
    caller: Caller,
  ): Promise<void> {
    checkRequired('user_id', userId)
    checkName('address', address)
    checkClient(client)
    const find = () => this.ports.store.findOpened(userId, address, client)
    let session = await find()
    // A session opened meanwhile stays.
    const newestTimeMs = session?.openTimeMs ?? 0
    let closedId: string | undefined
    while (session !== undefined && session.openTimeMs <= newestTimeMs && session.id !== closedId) {
      closedId = session.id
      await this.close(session.id, caller)
      session = await find()
    }
  }

  /** When a session ends by itself. null if it never does, or has ended. */
  expiresAtMs(session: Session): number | null {
    const endsAtMs = session.active ? this.rules.endsAtMs(session) : Number.POSITIVE_INFINITY
    return endsAtMs === Number.POSITIVE_INFINITY ? null : endsAtMs
  }

  /** Deletes a session. Returns what it was, without `user` and `data`. */
  async delete(id: string, { userId }: OfUser, caller: Caller): Promise<Session | null> {
    checkRequired('session_id', id)
    await this.ports.audit.check()
    const isTheirs = (current: Session) => userId === undefined || current.userId === userId
    const removal = this.rules.removal('deleted')
    const removed = await this.ports.store.remove(id, isTheirs, { removal })
    if (removed === undefined) {
      return null
    }
    const before = this.rules.asOfNow(removed)
    if (removed.active) {
      this.ports.expiry.ended.add(before.ending?.reason ?? 'deleted')
    }
    await this.record('delete', before, before.active, caller)
    return { ...before, user: null, data: null }
  }

  /** Ends and purges everything that is due, until `stop` is aborted. Throws ClockSuspectError. */
  async closeExpired(stop?: AbortSignal): Promise<SweepCounts> {
    const counts = await this.ports.expiry.sweep.run(stop)
    if (this.ports.clock.isSuspect()) {
      throw new ClockSuspectError()
    }
    return counts
  }

  private record(
    action: string,
    { id, userId }: Session,
    wasOpen: boolean,
    caller: Caller,
  ): Promise<void> {
    return this.ports.audit.record({ action, caller, facts: { sessionId: id, userId, wasOpen } })
  }

  private decideOpen(args: OpenArguments, seen: Seen): Decision {
    const { userId, address, client, userName, user, data } = args
    if (seen.reusable !== undefined) {
      const found = this.touched(seen.reusable)
      const session = {
        ...found,
        userName: userName ?? found.userName,
        user: user === undefined ? found.user : user,
        data: data === undefined ? found.data : data,
      }
      checkDataSize(session.user, session.data, this.limits.maxDataBytes)
      return { replace: { session } }
    }
    const id = this.ports.newId(userId)
    const nowMs = this.ports.clock.nowMs()
    const parts = { id, userId, userName, address, client, user, data, token: null }
    const session = newSession(parts, nowMs)
    return { insert: { session, sweepAtMs: this.rules.sweepAtMs(session) } }
  }

  private async write(
    id: string,
    change: Partial<Pick<Session, 'user' | 'data'>>,
    { userId }: OfUser = {},
  ): Promise<Session> {
    checkRequired('session_id', id)
    const written = await this.ports.store.update(id, (current) => {
      if (userId !== undefined && current.userId !== userId) {
        throw new NotFoundError(id)
      }
      if (!current.active || this.rules.isOverdue(current)) {
        throw new ConflictError(id)
      }
      const session = { ...this.touched(current), ...change }
      const field = 'user' in change ? 'user' : 'data'
      checkDataSize(session.user, session.data, this.limits.maxDataBytes, field)
      return { session }
    })
    if (written === undefined) {
      throw new NotFoundError(id)
    }
    return written
  }

  /** The session with its last request now. The time never moves backwards. */
  private touched(session: Session): Session {
    return { ...session, requestTimeMs: Math.max(session.requestTimeMs, this.ports.clock.nowMs()) }
  }
}
