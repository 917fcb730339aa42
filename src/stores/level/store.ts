import type { EpochSettings } from '../../core/epoch.js'
import { StoreUnavailableError } from '../../core/errors.js'
import type { SessionListener } from '../../core/events.js'
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
import { Counts } from './counts.js'
import { type ByteLevel, Database } from './database.js'
import { Deadlines } from './deadlines.js'
import { forgetAnswer } from './forget.js'
import { Gate } from './gate.js'
import { agreeOnInfo } from './info.js'
import { insertSession } from './insert.js'
import { sealKey } from './keys.js'
import { listSessions } from './list.js'
import { DUE_LOCK, Locks } from './locks.js'
import { findOpened, readSession } from './lookup.js'
import { removeSession, updateSession } from './mutate.js'
import type { StoreParts } from './parts.js'
import { expectNoReplacement } from './replacement.js'
import { Seals } from './seals.js'
import { settleDeadlines } from './settle.js'
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
  private readonly listeners = new Listeners()
  private readonly deadlines = new Deadlines()
  private readonly parts: StoreParts
  private readonly seals: Seals
  private closing: Promise<void> | null = null

  private constructor(database: Database, options: LevelStoreOptions) {
    const counts = new Counts()
    const writer = new Writer(database, counts, this.listeners, {
      sync: options.sync ?? true,
      onRows: (rows) => {
        this.deadlines.committed(rows)
        this.seals.committed(rows)
      },
      onReopen: () => {
        this.deadlines.reset()
        this.seals.reset()
      },
      onFailure: options.onFailure ?? (() => {}),
      onRecovery: options.onRecovery ?? (() => {}),
      onCommit: options.onCommit ?? (() => {}),
      onWrite: options.onWrite ?? (() => () => {}),
    })
    this.parts = { database, counts, locks: new Locks(), writer }
    this.seals = new Seals(this.parts)
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
      await database.read((level) => store.parts.counts.load(level))
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
    return this.read((level) => findOpened(level, userId, address, client))
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
    return this.read(() => this.parts.counts.committed)
  }

  /** Whether writes are taken. */
  get isWritable(): boolean {
    return this.closing === null && this.parts.writer.isWriting
  }

  /** Writes that wait for the next commit. */
  get queueDepth(): number {
    return this.parts.writer.queueDepth
  }

  /** The store as it is now, for reads that take long. To be closed. */
  view(): Promise<View> {
    return View.open((fn) => this.read(fn))
  }

  subscribe(listener: SessionListener): () => void {
    return this.listeners.subscribe(listener)
  }

  insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    return this.during(() => insertSession(this.parts, scope, decide))
  }

  update(
    id: string,
    change: (current: Session) => Update | null,
    options: WriteOptions = {},
  ): Promise<Session | undefined> {
    return this.during(() => updateSession(this.parts, id, change, options))
  }

  remove(
    id: string,
    check: (current: Session) => boolean,
    options: WriteOptions = {},
  ): Promise<Session | undefined> {
    return this.during(() => removeSession(this.parts, id, check, options))
  }

  reseal(
    id: string,
    change: (session: Session, seal: Uint8Array) => Uint8Array | null,
  ): Promise<void> {
    return this.during(() => this.seals.reseal(id, change))
  }

  compactSeals(): Promise<void> {
    return this.during(() => this.seals.compact())
  }

  forget(scope: IdempotencyScope, check: (answered: Answered) => boolean): Promise<boolean> {
    return this.during(() => forgetAnswer(this.parts, scope, check))
  }

  due(timeMs: number, limit: number): Promise<Deadline[]> {
    return this.during(() =>
      this.parts.locks.hold([DUE_LOCK], () =>
        this.parts.database.read((level) => this.deadlines.due(level, timeMs, limit)),
      ),
    )
  }

  settle(deadlines: readonly Deadline[]): Promise<void> {
    return this.during(() => settleDeadlines(this.parts, deadlines))
  }

  async *walkSeals(): AsyncIterable<readonly string[]> {
    // Writes are committed in their order: when this one is, so is every one before it.
    await this.during(() => this.parts.writer.write([], null, false))
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

  close(): Promise<void> {
    this.closing ??= this.gate.alone(async () => {
      await this.parts.writer.stop()
      await this.parts.database.close()
    })
    return this.closing
  }

  private read<T>(fn: (level: ByteLevel) => T | Promise<T>): Promise<T> {
    return this.during(() => this.parts.database.read(fn))
  }

  /** Runs an operation that `close` must wait for, unless it has been called. */
  private async during<T>(fn: () => Promise<T>): Promise<T> {
    if (this.closing !== null) {
      throw new StoreUnavailableError('it is closed')
    }
    return this.gate.enter(fn)
  }
}
