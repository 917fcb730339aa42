import type { EpochSettings } from '../../core/epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../../core/errors.js'
import type { SessionListener } from '../../core/events.js'
import type { Session } from '../../core/session.js'
import { Slots } from '../../core/slots.js'
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
import type { ByteLevel } from './byte-level.js'
import { Database, reasonOf } from './database.js'
import { Gate } from './gate.js'
import { agreeOnInfo } from './layout/info.js'
import { sealKey } from './layout/keys.js'
import { damagedRow } from './layout/row-name.js'
import { expectNotLost, noteMade, type Traces } from './made.js'
import { expectNoReplacement } from './maintenance/replacement.js'
import { expectWholeFiles, type StartCheckOptions } from './maintenance/start-check.js'
import { addChecksums } from './maintenance/upgrade.js'
import type { StoreParts } from './parts.js'
import { Presence } from './presence.js'
import { isShort, listSessions } from './read/list.js'
import { findOpened, readSession } from './read/lookup.js'
import { SharedLists } from './read/shared-lists.js'
import { View } from './read/view.js'
import { walkAnswers, walkDeadlines, walkSeals, walkSessions } from './read/walk.js'
import { Counts } from './write/counts.js'
import { Deadlines } from './write/deadlines.js'
import { forgetAnswer } from './write/forget.js'
import { insertSession } from './write/insert.js'
import { DUE_LOCK, Locks } from './write/locks.js'
import { removeSession, updateSession } from './write/mutate.js'
import { Seals } from './write/seals.js'
import { settleDeadlines } from './write/settle.js'
import { Writer, type WriterHooks } from './write/writer.js'

export interface LevelStoreOptions extends Partial<WriterHooks>, StartCheckOptions {
  readonly epochs: EpochSettings
  /** false shows what fsync costs, and breaks the promise of durability (default true). */
  readonly sync?: boolean
  /** Where there is a trace of a store but none, none is made (default: it is made). */
  readonly traces?: Traces
  /** The files were taken away from under the store: no write is taken any more. */
  readonly onGone?: (reason: string) => void
  /** Where the files are cannot be seen for now. */
  readonly onBlind?: (cause: unknown) => void
}

/** Sessions in a LevelDB that belongs to this process. */
export class LevelStore implements SessionStore {
  private readonly gate = new Gate()
  private readonly listeners = new Listeners()
  private readonly deadlines: Deadlines
  private readonly parts: StoreParts
  private readonly seals: Seals
  private readonly presence: Presence
  private readonly onGone: (reason: string) => void
  private readonly onListed: ((problem: string) => void) | undefined
  private gone: string | null = null
  /** So that a write never waits for more reads than these. */
  private readonly shortLists = new Slots(4)
  private readonly sharedLists: SharedLists
  private closing: Promise<void> | null = null

  private constructor(database: Database, options: LevelStoreOptions) {
    const counts = new Counts()
    this.deadlines = new Deadlines((key) => options.onDamage?.(damagedRow(key).message))
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
      expectFiles: () => this.expectFiles(),
      onDamage: options.onDamage ?? (() => {}),
      onFailure: options.onFailure ?? (() => {}),
      onRecovery: options.onRecovery ?? (() => {}),
      onCommit: options.onCommit ?? (() => {}),
      onWrite: options.onWrite ?? (() => () => {}),
    })
    this.parts = { database, counts, locks: new Locks(), writer }
    this.seals = new Seals(this.parts)
    this.presence = new Presence(database.location, options.onBlind)
    this.onGone = options.onGone ?? (() => {})
    // Who accepts damage wants lists of what is left.
    this.onListed = options.acceptDamage ? (options.onDamage ?? (() => {})) : undefined
    this.sharedLists = new SharedLists(() => this.view(), this.onListed)
  }

  /**
   * Opens the store in the directory `location`, or makes one there. Throws StoreLockedError,
   * StoreMismatchError, StoreDamagedError and StoreUnavailableError.
   */
  static async open(location: string, options: LevelStoreOptions): Promise<LevelStore> {
    await expectNoReplacement(location)
    const { traces } = options
    if (traces !== undefined) {
      await expectNotLost(location, traces)
    }
    await expectWholeFiles(location, options)
    const store = await LevelStore.over(new Database(location), options)
    try {
      if (traces !== undefined) {
        await noteMade(traces)
      }
      return store
    } catch (error) {
      await store.close()
      throw new StoreUnavailableError(`${location} does not open: ${reasonOf(error)}`, error)
    }
  }

  /** The same for a database that is yet to be opened. */
  static async over(database: Database, options: LevelStoreOptions): Promise<LevelStore> {
    await database.open()
    try {
      await addChecksums(database, await agreeOnInfo(database, options.epochs))
      const store = new LevelStore(database, options)
      await database.read((level) => store.parts.counts.load(level))
      return store
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** Its directory. */
  get location(): string {
    return this.parts.database.location
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

  async list(query: ListQuery): Promise<SessionPage> {
    const own = async () =>
      isShort(query) || !this.sharedLists.isWalking(query)
        ? this.read((level) => listSessions(level, query, this.onListed))
        : null
    return (await this.shortLists.run(own)) ?? this.sharedLists.list(query)
  }

  countOpen(): Promise<number> {
    return this.read(() => this.parts.counts.committed)
  }

  /** Whether writes are taken. */
  get isWritable(): boolean {
    return this.closing === null && this.parts.writer.isWriting
  }

  /** What is gone of the files, which ends all writes for good; null: nothing. `always`: see Presence. */
  look(always = false): string | null {
    const gone = this.closing === null ? this.presence.look(always) : null
    if (gone !== null && this.gone === null) {
      this.gone = gone
      this.parts.writer.refuse(goneError(gone))
      this.onGone(gone)
    }
    return this.gone
  }

  /** Writes that wait for the next commit. */
  get queueDepth(): number {
    return this.parts.writer.queueDepth
  }

  /** The store as it is now, for reads that take long. To be closed. */
  view(onDamaged?: (key: Buffer) => void): Promise<View> {
    return View.open((fn) => this.read(fn), onDamaged)
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

  walkSessions(userId: string, active?: boolean): AsyncIterable<readonly Session[]> {
    return walkSessions(() => this.view(), userId, active)
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

  private expectFiles(): void {
    const gone = this.look()
    if (gone !== null) {
      throw goneError(gone)
    }
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

function goneError(gone: string): StoreDamagedError {
  return new StoreDamagedError(
    'the files of the session store were taken away: nothing can be written',
    new Error(gone),
  )
}
