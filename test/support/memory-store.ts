import { sameBytes } from '../../src/core/bytes.js'
import { deadlineOfEnding, endingOf } from '../../src/core/endings/session-endings.js'
import { StoreUnavailableError } from '../../src/core/errors.js'
import type { SessionChange, SessionListener } from '../../src/core/events.js'
import type { Session, SessionEnding } from '../../src/core/session.js'
import type {
  Deadline,
  Decision,
  EndingsPage,
  FoundEntry,
  IdempotencyEntry,
  IdempotencyScope,
  InsertScope,
  RemoveOptions,
  Seen,
  SessionStore,
  Update,
  WalkedEntry,
  WriteOptions,
} from '../../src/core/store.js'
import type {
  AfterQuery,
  ListPart,
  ListPlace,
  ListQuery,
  SessionPage,
} from '../../src/core/store-lists.js'
import { Listeners } from '../../src/stores/listeners.js'
import { EPOCHS } from './store-sessions.js'

/**
 * The promises of a SessionStore in their plainest form: every method runs in one turn of the event
 * loop and looks through everything. Keeps nothing on disk. What the other stores are compared with.
 */
export class MemoryStore implements SessionStore {
  private readonly sessions = new Map<string, Session>()
  private readonly seals = new Map<string, Uint8Array>()
  private readonly entries = new Map<string, IdempotencyEntry>()
  private readonly deadlines = new Map<string, Deadline>()
  /** In the order of the endings; null: forgotten. */
  private readonly endingRows: (SessionEnding | null)[] = []
  private readonly listeners = new Listeners()
  private closed = false

  async get(id: string): Promise<Session | undefined> {
    this.checkOpen()
    return this.sessions.get(id)
  }

  async findOpened(userId: string, address: string, client: string): Promise<Session | undefined> {
    this.checkOpen()
    return this.newestOpened(userId, { address, client })
  }

  async seal(id: string): Promise<Uint8Array | undefined> {
    this.checkOpen()
    return this.seals.get(id)
  }

  async insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    this.checkOpen()
    const seen = this.see(scope)
    const decision = decide(seen)
    if ('keep' in decision) {
      return decision.keep
    }
    if ('replace' in decision) {
      const { session, sweepAtMs } = decision.replace
      if (seen.reusable?.id !== session.id) {
        throw new TypeError('only the session to reuse can be replaced')
      }
      return this.put(session, sweepAtMs)
    }
    for (const end of decision.ends ?? []) {
      if (!seen.oldest?.some(({ id }) => id === end.session.id)) {
        throw new TypeError('only the oldest sessions can end with an insert')
      }
      this.put(end.session, end.sweepAtMs)
    }
    const { session, seal, sweepAtMs, idempotency } = decision.insert
    if (seal !== undefined && session.active) {
      this.seals.set(session.id, Uint8Array.from(seal))
    }
    if (idempotency !== undefined && scope.idempotency !== undefined) {
      const timeMs = idempotency.expiresTimeMs
      this.entries.set(scopeText(scope.idempotency), {
        ...idempotency,
        scope: structuredClone(scope.idempotency),
        sessionId: session.id,
      })
      this.arm({ kind: 'idempotency', timeMs, scope: scope.idempotency })
    }
    return this.put(session, sweepAtMs)
  }

  async update(
    id: string,
    change: (current: Session) => Update | null,
    { settles }: WriteOptions = {},
  ): Promise<Session | undefined> {
    this.checkOpen()
    const current = this.sessions.get(id)
    const update = current && change(current)
    this.strike(settles)
    return update ? this.put(update.session, update.sweepAtMs) : current
  }

  async remove(
    id: string,
    check: (current: Session) => boolean,
    { settles, removal }: RemoveOptions = {},
  ): Promise<Session | undefined> {
    this.checkOpen()
    const current = this.sessions.get(id)
    const agreed = current !== undefined && check(current)
    this.strike(settles)
    if (!agreed) {
      return undefined
    }
    this.sessions.delete(id)
    this.seals.delete(id)
    this.changed({ before: current, after: null, ...(removal && { removal }) })
    return current
  }

  async list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage> {
    signal?.throwIfAborted()
    this.checkOpen()
    const { userId, active, fromTimeMs = -Infinity, toTimeMs = Infinity, skip, take } = query
    const matching = [...this.sessions.values()]
      .filter(
        (session) =>
          (userId === undefined || session.userId === userId) &&
          (active === undefined || session.active === active) &&
          session.requestTimeMs >= fromTimeMs &&
          session.requestTimeMs < toTimeMs,
      )
      .sort(compare)
    return {
      sessions: matching.slice(skip, skip + take),
      total: query.total ? matching.length : null,
    }
  }

  async listAfter({ after, oldestFirst, limit, ...filter }: AfterQuery): Promise<ListPart> {
    const page = await this.list({ ...filter, skip: 0, take: Infinity, total: false })
    const listed = oldestFirst ? page.sessions.toReversed() : page.sessions
    const isBehind = (session: Session) =>
      after === null || (oldestFirst ? compare(session, after) < 0 : compare(session, after) > 0)
    const sessions = listed.filter(isBehind).slice(0, limit)
    const last = sessions[limit - 1]
    const next = last === undefined ? null : { requestTimeMs: last.requestTimeMs, id: last.id }
    return { sessions, next }
  }

  async due(timeMs: number, limit: number): Promise<Deadline[]> {
    this.checkOpen()
    return [...this.deadlines.values()]
      .filter((deadline) => deadline.timeMs < timeMs)
      .sort((a, b) => a.timeMs - b.timeMs)
      .slice(0, limit)
  }

  async reseal(
    id: string,
    change: (session: Session, seal: Uint8Array) => Uint8Array | null,
  ): Promise<void> {
    this.checkOpen()
    const session = this.sessions.get(id)
    const seal = this.seals.get(id)
    const changed = session && seal && change(session, seal)
    if (changed) {
      this.seals.set(id, Uint8Array.from(changed))
    }
  }

  async forget(scope: IdempotencyScope, check: (entry: FoundEntry) => boolean): Promise<boolean> {
    this.checkOpen()
    const entry = this.entries.get(scopeText(scope))
    const isForgotten = entry !== undefined && check(this.found(entry))
    if (isForgotten) {
      this.entries.delete(scopeText(scope))
      this.strike({ kind: 'idempotency', timeMs: entry.expiresTimeMs, scope })
    }
    return isForgotten
  }

  async endings(cursor: Uint8Array, limit: number): Promise<EndingsPage> {
    this.checkOpen()
    const text = Buffer.from(cursor).toString()
    const isFull = !/^memory [0-9]+$/.test(text)
    let at = isFull ? 0 : Number(text.slice('memory '.length))
    const endings: SessionEnding[] = []
    for (; at < this.endingRows.length && endings.length < limit; at++) {
      endings.push(...[this.endingRows[at] ?? []].flat())
    }
    const hasMore = endings.length === limit
    return { endings, cursor: Buffer.from(`memory ${at}`), isFull, hasMore }
  }

  async *walkSeals(): AsyncIterable<readonly string[]> {
    this.checkOpen()
    yield [...this.seals.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  async *walkSessions(userId: string, wanted?: boolean): AsyncIterable<readonly Session[]> {
    for (const active of wanted === undefined ? [false, true] : [wanted]) {
      const { sessions } = await this.list({
        userId,
        active,
        skip: 0,
        take: Infinity,
        total: false,
      })
      yield sessions
    }
  }

  async *walkIdempotency(owner: Uint8Array): AsyncIterable<readonly WalkedEntry[]> {
    this.checkOpen()
    yield [...this.entries.values()]
      .filter(({ scope }) => sameBytes(scope.owner, owner))
      .map(({ bodySha256: _, ...entry }) => entry)
  }

  async *walkDeadlines(): AsyncIterable<readonly Deadline[]> {
    yield await this.due(Infinity, Infinity)
  }

  async compactSeals(): Promise<void> {
    this.checkOpen()
  }

  async settle(deadlines: readonly Deadline[]): Promise<void> {
    this.checkOpen()
    for (const deadline of deadlines) {
      this.strike(deadline)
      if (deadline.kind === 'ending') {
        const at = this.endingRows.findIndex((ending) => ending?.id === deadline.id)
        this.endingRows.splice(at, at < 0 ? 0 : 1, null)
      }
      if (deadline.kind === 'idempotency') {
        const key = scopeText(deadline.scope)
        if ((this.entries.get(key)?.expiresTimeMs ?? Infinity) <= deadline.timeMs) {
          this.entries.delete(key)
        }
      }
    }
  }

  async countOpen(): Promise<number> {
    this.checkOpen()
    return this.open().length
  }

  subscribe(listener: SessionListener): () => void {
    return this.listeners.subscribe(listener)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private see({ userId, idempotency, reuse, countOpenOfUser, oldest = 0 }: InsertScope): Seen {
    const ofUser = this.open()
      .filter((session) => session.userId === userId)
      .sort((a, b) => a.requestTimeMs - b.requestTimeMs || compareIds(b, a))
    const entry = idempotency && this.entries.get(scopeText(idempotency))
    const reusable = reuse && this.newestOpened(userId, reuse)
    return {
      openOfUser: countOpenOfUser ? ofUser.length : 0,
      openInAll: this.open().length,
      ...(entry && { idempotency: this.found(entry) }),
      ...(reusable && { reusable }),
      ...(oldest > 0 && { oldest: ofUser.slice(0, oldest) }),
    }
  }

  private found({ bodySha256, sessionId }: IdempotencyEntry): FoundEntry {
    const session = this.sessions.get(sessionId)
    return { bodySha256, sessionId, ...(session && { session }) }
  }

  private newestOpened(
    userId: string,
    { address, client }: NonNullable<InsertScope['reuse']>,
  ): Session | undefined {
    return this.open()
      .filter(({ token }) => token === null)
      .filter((session) => session.userId === userId)
      .filter((session) => session.address === address && session.client === client)
      .sort((a, b) => b.openTimeMs - a.openTimeMs || compareIds(a, b))[0]
  }

  private put(session: Session, sweepAtMs: number | undefined): Session {
    const before = this.sessions.get(session.id) ?? null
    const after = structuredClone(session.active ? session : { ...session, user: null, data: null })
    this.sessions.set(session.id, after)
    if (!session.active) {
      this.seals.delete(session.id)
    }
    if (sweepAtMs !== undefined) {
      this.arm({ kind: 'session', timeMs: sweepAtMs, id: session.id })
    }
    this.changed({ before, after })
    return after
  }

  private changed(change: SessionChange): void {
    const ending = endingOf(change, EPOCHS)
    if (ending !== null) {
      this.endingRows.push(ending)
      this.arm(deadlineOfEnding(ending, EPOCHS))
    }
    this.listeners.emit(change)
  }

  private open(): Session[] {
    return [...this.sessions.values()].filter(({ active }) => active)
  }

  private arm(deadline: Deadline): void {
    this.deadlines.set(deadlineText(deadline), deadline)
  }

  private strike(deadline: Deadline | undefined): void {
    if (deadline !== undefined) {
      this.deadlines.delete(deadlineText(deadline))
    }
  }

  private checkOpen(): void {
    if (this.closed) {
      throw new StoreUnavailableError('it is closed')
    }
  }
}

/** The same text for equal values alone. */
function deadlineText(deadline: Deadline): string {
  const { kind, timeMs } = deadline
  return JSON.stringify([
    timeMs,
    kind,
    kind === 'idempotency' ? scopeText(deadline.scope) : deadline.id,
  ])
}

function scopeText({ owner, signer, key }: IdempotencyScope): string {
  return JSON.stringify([[...owner], [...signer], key])
}

/** As lists are sorted. */
function compare(a: ListPlace, b: ListPlace): number {
  return b.requestTimeMs - a.requestTimeMs || compareIds(a, b)
}

function compareIds(a: ListPlace, b: ListPlace): number {
  return Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))
}
