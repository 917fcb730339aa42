import type { EpochSettings } from '../../core/epoch.js'
import { type StoreDamagedError, StoreUnavailableError } from '../../core/errors.js'
import type { SessionListener } from '../../core/events.js'
import type { Session } from '../../core/session.js'
import type {
  ChangeSeal,
  Deadline,
  Decision,
  EndingsPage,
  FoundEntry,
  IdempotencyScope,
  InsertScope,
  RemoveOptions,
  Seen,
  Update,
  WalkedEntry,
  WriteOptions,
} from '../../core/store.js'
import type { AfterQuery, ListPart, ListQuery, SessionPage } from '../../core/store-lists.js'
import type { CheckEvent } from '../../core/upkeep/care.js'
import type { IdBits } from '../../core/uuid.js'
import type { CheckPorts, ServedStore, StoreHealth, StoreOptions } from '../engine.js'
import { Listeners } from '../listeners.js'
import { Gate, Locks } from '../locks.js'
import type { ByteLevel } from './byte-level.js'
import { Database } from './database.js'
import { idBitsAt } from './layout/id-bits.js'
import { damagedRow } from './layout/row-name.js'
import { DUE_LOCK } from './locks.js'
import { backUp } from './maintenance/backup.js'
import { checkStore } from './maintenance/check.js'
import { checkFilesThen } from './maintenance/check-files.js'
import { expectWholeFiles, type StartCheckOptions } from './maintenance/start-check.js'
import { agreeOnInfo, upgradeStore } from './maintenance/upgrade.js'
import { readEndings } from './read/endings.js'
import { KeptSessions } from './read/kept-sessions.js'
import { Lists } from './read/lists.js'
import { findOpened, getSeal, getSession } from './read/lookup.js'
import { Places } from './read/places.js'
import { View } from './read/view.js'
import { walkDeadlines, walkIdempotency, walkSeals, walkSessions } from './read/walk.js'
import { Watch } from './watch.js'
import { Counts } from './write/counts.js'
import { DeadlineQueue } from './write/deadline-queue.js'
import { EntryFilter } from './write/entry-filter.js'
import { forgetEntry } from './write/forget.js'
import { insertSession } from './write/insert.js'
import { removeSession, updateSession } from './write/mutate.js'
import { Seals } from './write/seals.js'
import { settleDeadlines } from './write/settle.js'
import { type StoreParts, Writer } from './write/writer.js'

export interface LevelStoreOptions extends StoreOptions, StartCheckOptions {
  /** false skips fsync, for benches and tests: it breaks the promise of durability (default true). */
  readonly sync?: boolean
}

/** Sessions in a LevelDB that belongs to this process. */
export class LevelStore implements ServedStore {
  private readonly gate = new Gate()
  private readonly listeners = new Listeners()
  private readonly deadlines: DeadlineQueue
  private readonly parts: StoreParts
  private readonly seals: Seals
  private readonly kept = new KeptSessions()
  private readonly places = new Places()
  private readonly lists: Lists
  private readonly files: Watch
  private readonly epochs: EpochSettings
  private onLost = () => {}
  private closing: Promise<void> | null = null

  private constructor(
    database: Database,
    private readonly storeId: Uint8Array,
    options: LevelStoreOptions,
  ) {
    const { onDamage, onLost, acceptDamage, sync = true } = options
    this.epochs = options.epochs
    this.deadlines = new DeadlineQueue((key) => onDamage?.(damagedRow(key).message))
    const counts = new Counts()
    const entries = EntryFilter.of(database, () => counts.committed)
    const writer = new Writer(database, counts, this.listeners, {
      ...options,
      sync,
      onChanges: (changes, commit) => {
        this.kept.committing(changes)
        this.places.committing(changes, commit)
      },
      onRows: (rows) => {
        for (const memory of [this.kept, this.deadlines, this.seals, entries]) {
          memory.committed(rows)
        }
      },
      onReopen: () => {
        for (const memory of [this.kept, this.places, this.deadlines, this.seals, entries]) {
          memory.reset()
        }
      },
      expectFiles: () => this.files.expectFiles(),
    })
    this.parts = { database, counts, entries, locks: new Locks(), writer }
    this.seals = new Seals(this.parts)
    const lost = (reason: string, error: StoreDamagedError) => {
      writer.refuse(error)
      onLost?.(reason)
      this.onLost()
    }
    this.files = new Watch(database.location, lost, options)
    // An operator who accepts damage wants lists of what is left.
    this.lists = new Lists(
      (fn) => this.read(fn),
      this.kept,
      this.places,
      acceptDamage ? (problem) => onDamage?.(problem) : undefined,
    )
  }

  /**
   * Opens the store in the directory `location`, or makes one there. Throws StoreLockedError,
   * StoreMismatchError, StoreDamagedError and StoreUnavailableError.
   */
  static async open(location: string, options: LevelStoreOptions): Promise<LevelStore> {
    await expectWholeFiles(location, options)
    return LevelStore.over(new Database(location), options)
  }

  /** Opens the store in this database, which must not be open yet. */
  static async over(database: Database, options: LevelStoreOptions): Promise<LevelStore> {
    await database.open()
    try {
      const info = await agreeOnInfo(database, options.epochs)
      const { storeId } = await upgradeStore(database, info, options.onUpgrade)
      const store = new LevelStore(database, storeId, options)
      await database.read((level) => store.parts.counts.load(level))
      return store
    } catch (error) {
      await database.close()
      throw error
    }
  }

  idBits(): IdBits {
    return { at: 'start', bits: idBitsAt(Date.now()) }
  }

  get(id: string): Promise<Session | undefined> {
    return this.read((level) => getSession(level, id, this.kept.now))
  }

  findOpened(userId: string, address: string, client: string): Promise<Session | undefined> {
    return this.read((level) => findOpened(level, userId, address, client))
  }

  seal(id: string): Promise<Uint8Array | undefined> {
    return this.read((level) => getSeal(level, id))
  }

  list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage> {
    return this.lists.page(query, signal)
  }

  listAfter(query: AfterQuery): Promise<ListPart> {
    return this.lists.after(query)
  }

  countOpen(): Promise<number> {
    return this.read(() => this.parts.counts.committed)
  }

  get isWritable(): boolean {
    return this.closing === null && this.parts.writer.isWriting
  }

  get queueDepth(): number {
    return this.parts.writer.queueDepth
  }

  health(): StoreHealth {
    return this.files.health()
  }

  watch(onServing: (isServing: boolean) => void): void {
    this.onLost = () => onServing(false)
    this.files.start()
  }

  backup(nowMs: number): AsyncIterable<Uint8Array> {
    return backUp(() => this.view(), this.epochs, nowMs)
  }

  check(ports: CheckPorts): AsyncIterable<CheckEvent> {
    const { epochs } = this
    return checkFilesThen(
      () => checkStore((...view) => this.view(...view), { ...ports, epochs }),
      this.parts.database.location,
      'reading a damaged file may end the server: stop it, and `sessiond repair`',
      ports.signal,
    )
  }

  /** A snapshot for long reads. Close it. */
  view(onDamaged?: (key: Buffer) => void, signal?: AbortSignal): Promise<View> {
    return View.open((fn) => this.read(fn), onDamaged, signal)
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
    options: RemoveOptions = {},
  ): Promise<Session | undefined> {
    return this.during(() => removeSession(this.parts, id, check, options))
  }

  reseal(id: string, change: ChangeSeal): Promise<void> {
    return this.during(() => this.seals.reseal(id, change))
  }

  compactSeals(): Promise<void> {
    return this.during(() => this.seals.compact())
  }

  forget(scope: IdempotencyScope, check: (entry: FoundEntry) => boolean): Promise<boolean> {
    return this.during(() => forgetEntry(this.parts, scope, check))
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

  endings(cursor: Uint8Array, limit: number): Promise<EndingsPage> {
    return this.read((level) => readEndings(level, this.storeId, cursor, limit))
  }

  async *walkSeals(): AsyncIterable<readonly string[]> {
    // Commits keep the order of writes: once this empty write is committed, so are all before it.
    await this.during(() => this.parts.writer.write([], [], false))
    yield* walkSeals(() => this.view())
  }

  walkSessions(
    userId: string,
    active?: boolean,
    onDamaged?: (problem: string) => void,
  ): AsyncIterable<readonly Session[]> {
    return walkSessions(() => this.view(), userId, active, onDamaged)
  }

  walkIdempotency(owner: Uint8Array): AsyncIterable<readonly WalkedEntry[]> {
    return walkIdempotency(() => this.view(), owner)
  }

  walkDeadlines(): AsyncIterable<readonly Deadline[]> {
    return walkDeadlines(() => this.view())
  }

  close(): Promise<void> {
    this.closing ??= this.gate.alone(async () => {
      await this.files.close()
      await this.parts.writer.stop()
      await this.parts.database.close()
    })
    return this.closing
  }

  private read<T>(fn: (level: ByteLevel) => T | Promise<T>): Promise<T> {
    return this.during(() => this.parts.database.read(fn))
  }

  /** Runs an operation that `close` waits for. Throws StoreUnavailableError once `close` was called. */
  private during<T>(fn: () => Promise<T>): Promise<T> {
    return this.closing === null
      ? this.gate.enter(fn)
      : Promise.reject(new StoreUnavailableError('it is closed'))
  }
}
