import type { EpochSettings } from '../../core/epoch.js'
import { StoreUnavailableError } from '../../core/errors.js'
import type { SessionChange, SessionListener } from '../../core/events.js'
import type { Session } from '../../core/session.js'
import type {
  Answered,
  Deadline,
  Decision,
  IdempotencyEntry,
  IdempotencyScope,
  InsertScope,
  ListQuery,
  Seen,
  SessionPage,
  SessionStore,
  Update,
  WriteOptions,
} from '../../core/store.js'
import { Listeners } from '../listeners.js'
import { decodeAnswer } from './codec.js'
import { Counts, opened } from './counts.js'
import { type ByteLevel, Database, type Row } from './database.js'
import { Deadlines } from './deadlines.js'
import { Gate } from './gate.js'
import { agreeOnInfo } from './info.js'
import {
  answerKey,
  deadlineKey,
  isDeadlineKey,
  isSealKey,
  openedKey,
  RANGES,
  sealKey,
} from './keys.js'
import { listSessions } from './list.js'
import { answerLock, DUE_LOCK, Locks, sessionLock, userLock } from './locks.js'
import { look, readAnswer, readSession } from './lookup.js'
import { newestOpened, openedRows } from './opened.js'
import { expectNoReplacement } from './replacement.js'
import { changeRows, dueRows, insertRows } from './rows.js'
import { View } from './view.js'
import { walkAnswers, walkDeadlines, walkSeals, walkSessions } from './walk.js'
import { Writer, type WriterHooks } from './writer.js'

export interface LevelStoreOptions extends Partial<WriterHooks> {
  readonly epochs: EpochSettings
  /** false shows what fsync costs, and breaks the promise of durability (default true). */
  readonly sync?: boolean
}

/** Sessions in a LevelDB that belongs to this process. */
export class LevelStore implements SessionStore {
  private readonly gate = new Gate()
  private readonly locks = new Locks()
  private readonly listeners = new Listeners()
  private readonly counts = new Counts()
  private readonly deadlines = new Deadlines()
  private readonly writer: Writer
  private closing: Promise<void> | null = null
  /** Whether seals were deleted or replaced since they were last compacted: maybe before this start. */
  private hasDroppedSeals = true

  private constructor(
    private readonly database: Database,
    options: LevelStoreOptions,
  ) {
    this.writer = new Writer(database, this.counts, this.listeners, {
      sync: options.sync ?? true,
      onReopen: () => this.deadlines.reset(),
      onFailure: options.onFailure ?? (() => {}),
      onRecovery: options.onRecovery ?? (() => {}),
      onCommit: options.onCommit ?? (() => {}),
      onWrite: options.onWrite ?? (() => () => {}),
    })
  }

  /**
   * Opens the store in the directory `location`, or makes one there. Throws StoreLockedError,
   * StoreMismatchError and StoreUnavailableError.
   */
  static async open(location: string, options: LevelStoreOptions): Promise<LevelStore> {
    await expectNoReplacement(location)
    return LevelStore.over(new Database(location), options)
  }

  /** The same for a database that is yet to be opened. */
  static async over(database: Database, options: LevelStoreOptions): Promise<LevelStore> {
    await database.open()
    try {
      await agreeOnInfo(database, options.epochs)
      const store = new LevelStore(database, options)
      await database.read((level) => store.counts.load(level))
      return store
    } catch (error) {
      await database.close()
      throw error
    }
  }

  get(id: string): Promise<Session | undefined> {
    return this.read((level) => readSession(level, id))
  }

  findOpened(userId: string, address: string, client: string): Promise<Session | undefined> {
    return this.read(async (level) => {
      const snapshot = level.snapshot()
      try {
        const id = newestOpened(level.getSync(openedKey(userId, address, client), { snapshot }))
        return id === undefined ? undefined : readSession(level, id, { snapshot })
      } finally {
        await snapshot.close()
      }
    })
  }

  seal(id: string): Promise<Uint8Array | undefined> {
    return this.read((level) => {
      const seal = level.getSync(sealKey(id))
      return seal && Uint8Array.from(seal)
    })
  }

  list(query: ListQuery): Promise<SessionPage> {
    return this.read((level) => listSessions(level, query))
  }

  countOpen(): Promise<number> {
    return this.read(() => this.counts.committed)
  }

  /** Whether writes are taken. */
  get isWritable(): boolean {
    return this.closing === null && this.writer.isWriting
  }

  /** Writes that wait for the next commit. */
  get queueDepth(): number {
    return this.writer.queueDepth
  }

  /** The store as it is now, for reads that take long. To be closed. */
  view(): Promise<View> {
    return View.open((fn) => this.read(fn))
  }

  subscribe(listener: SessionListener): () => void {
    return this.listeners.subscribe(listener)
  }

  insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    const { userId, idempotency, reuse } = scope
    const locks = [userLock(userId)]
    if (idempotency !== undefined) {
      locks.push(answerLock(idempotency))
    }
    return this.during(() =>
      this.locks.hold(locks, async () => {
        // The user's lock keeps it open and without a rival; its own keeps it as it is.
        const reusableId =
          reuse &&
          (await this.database.read((level) =>
            newestOpened(level.getSync(openedKey(userId, reuse.address, reuse.client))),
          ))
        return this.locks.hold(reusableId === undefined ? [] : [sessionLock(reusableId)], () =>
          this.insertLocked(scope, reusableId, decide),
        )
      }),
    )
  }

  private async insertLocked(
    scope: InsertScope,
    reusableId: string | undefined,
    decide: (seen: Seen) => Decision,
  ): Promise<Session> {
    const seen = await this.database.read((level) => look(level, this.counts, scope, reusableId))
    // From here to the write nothing else gets a turn, so no other insert sees the same `openInAll`.
    const decision = decide({ ...seen, openInAll: this.counts.reserved })
    if ('keep' in decision) {
      return decision.keep
    }
    if ('replace' in decision) {
      const { session: after, dueTimeMs } = decision.replace
      if (seen.reusable === undefined || seen.reusable.id !== after.id) {
        throw new TypeError('only the session to reuse can be replaced')
      }
      const change = { before: seen.reusable, after }
      await this.write([...changeRows(change), ...dueRows(after, dueTimeMs)], change)
      return after
    }
    const after = decision.insert.session
    const change = { before: null, after }
    const rows = insertRows(decision.insert, scope.idempotency)
    rows.push(...openedRows(change, (key) => this.database.valueNow(key)))
    await this.write(rows, change)
    return after
  }

  update(
    id: string,
    change: (current: Session) => Update | null,
    options: WriteOptions = {},
  ): Promise<Session | undefined> {
    return this.during(async () => {
      const decide = (before: Session) => {
        const update = change(before)
        return update && { after: update.session, rows: dueRows(update.session, update.dueTimeMs) }
      }
      const { before, after } = await this.mutate(id, decide, options)
      return after ?? before
    })
  }

  remove(
    id: string,
    check: (current: Session) => boolean,
    options: WriteOptions = {},
  ): Promise<Session | undefined> {
    return this.during(async () => {
      const decide = (before: Session) => (check(before) ? { after: null, rows: [] } : null)
      const { before, after } = await this.mutate(id, decide, options)
      return after === null ? before : undefined
    })
  }

  /** Begins with the session's lock alone; the user's is needed only where its count changes. */
  private async mutate(
    id: string,
    decide: (before: Session) => Outcome | null,
    options: WriteOptions,
    userId?: string,
  ): Promise<{ before?: Session | undefined; after?: Session | null | undefined }> {
    const locks = userId === undefined ? [sessionLock(id)] : [userLock(userId), sessionLock(id)]
    const { settles, durable } = options
    let otherUserId: string | undefined
    const done = await this.locks.hold(locks, async () => {
      const before = await this.database.read((level) => readSession(level, id))
      const outcome = before && decide(before)
      const change = before && outcome ? { before, after: outcome.after } : null
      if (change !== null && opened(change) !== 0 && change.before.userId !== userId) {
        otherUserId = change.before.userId
        return {}
      }
      const rows: Row[] = settles ? [[deadlineKey(settles), null]] : []
      if (change !== null) {
        rows.push(
          ...changeRows(change),
          ...openedRows(change, (key) => this.database.valueNow(key)),
        )
      }
      rows.push(...(outcome?.rows ?? []))
      if (rows.length > 0) {
        await this.write(rows, change, durable)
      }
      return { before, after: outcome?.after }
    })
    return otherUserId === undefined ? done : this.mutate(id, decide, options, otherUserId)
  }

  reseal(
    id: string,
    change: (session: Session, seal: Uint8Array) => Uint8Array | null,
  ): Promise<void> {
    return this.during(() =>
      this.locks.hold([sessionLock(id)], async () => {
        const key = sealKey(id)
        const [session, seal] = await this.database.read((level) => [
          readSession(level, id),
          level.getSync(key),
        ])
        const changed = session && seal && change(session, Uint8Array.from(seal))
        if (changed) {
          await this.write([[key, changed]], null)
          this.hasDroppedSeals = true
        }
      }),
    )
  }

  forget(scope: IdempotencyScope, check: (answered: Answered) => boolean): Promise<boolean> {
    return this.during(() =>
      this.locks.hold([answerLock(scope)], async () => {
        const answer = await this.database.read((level) => readAnswer(level, scope))
        if (answer === undefined || !check(answer.answered)) {
          return false
        }
        const deadline = { kind: 'idempotency', timeMs: answer.expiresTimeMs, scope } as const
        await this.write(
          [
            [answerKey(scope), null],
            [deadlineKey(deadline), null],
          ],
          null,
        )
        return true
      }),
    )
  }

  async *walkSeals(): AsyncIterable<readonly string[]> {
    // Writes are committed in their order: when this one is, so is every one before it.
    await this.during(() => this.write([], null, false))
    yield* walkSeals(() => this.view())
  }

  walkSessions(userId: string): AsyncIterable<readonly Session[]> {
    return walkSessions(() => this.view(), userId)
  }

  walkAnswers(owner: Uint8Array): AsyncIterable<readonly IdempotencyEntry[]> {
    return walkAnswers(() => this.view(), owner)
  }

  walkDeadlines(): AsyncIterable<readonly Deadline[]> {
    return walkDeadlines(() => this.view())
  }

  due(timeMs: number, limit: number): Promise<Deadline[]> {
    return this.during(() =>
      this.locks.hold([DUE_LOCK], () =>
        this.database.read((level) => this.deadlines.due(level, timeMs, limit)),
      ),
    )
  }

  async compactSeals(): Promise<void> {
    if (this.hasDroppedSeals) {
      this.hasDroppedSeals = false
      await this.during(() => this.database.compact(RANGES.seals)).catch((error) => {
        this.hasDroppedSeals = true
        throw error
      })
    }
  }

  settle(deadlines: readonly Deadline[]): Promise<void> {
    return this.during(async () => {
      await Promise.all(deadlines.map((deadline) => this.settleOne(deadline)))
    })
  }

  private settleOne(deadline: Deadline): Promise<void> {
    const struck: Row = [deadlineKey(deadline), null]
    if (deadline.kind === 'session') {
      return this.write([struck], null)
    }
    const { scope, timeMs } = deadline
    return this.locks.hold([answerLock(scope)], async () => {
      const key = answerKey(scope)
      const bytes = await this.database.read((level) => level.getSync(key))
      // The key may have been used anew since, which moved its deadline.
      const over = bytes !== undefined && decodeAnswer(bytes).expiresTimeMs <= timeMs
      await this.write(over ? [struck, [key, null]] : [struck], null)
    })
  }

  close(): Promise<void> {
    this.closing ??= this.gate.alone(async () => {
      await this.writer.stop()
      await this.database.close()
    })
    return this.closing
  }

  private async write(
    rows: readonly Row[],
    change: SessionChange | null,
    durable = true,
  ): Promise<void> {
    await this.writer.write({ rows, change, durable })
    for (const [key, value] of rows) {
      if (value !== null && isDeadlineKey(key)) {
        this.deadlines.arm(key)
      } else if (value === null && isSealKey(key)) {
        this.hasDroppedSeals = true
      }
    }
  }

  private read<T>(fn: (level: ByteLevel) => T | Promise<T>): Promise<T> {
    return this.during(() => this.database.read(fn))
  }

  /** Runs an operation that `close` must wait for, unless it has been called. */
  private async during<T>(fn: () => Promise<T>): Promise<T> {
    if (this.closing !== null) {
      throw new StoreUnavailableError('it is closed')
    }
    return this.gate.enter(fn)
  }
}

/** What becomes of a session, and the rows that this needs beside its own. */
interface Outcome {
  /** null: it is deleted. */
  readonly after: Session | null
  readonly rows: readonly Row[]
}
