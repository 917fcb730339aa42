import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { endingOf } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../../../core/errors.js'
import type { SessionChange } from '../../../core/events.js'
import type { StoreHooks } from '../../engine.js'
import type { Listeners } from '../../listeners.js'
import type { Locks } from '../../locks.js'
import type { ByteLevel } from '../byte-level.js'
import type { Database, Row } from '../database.js'
import { storeError } from '../errors.js'
import { endingRows } from '../layout/rows.js'
import type { Counts } from './counts.js'
import type { EntryFilter } from './entry-filter.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 10_000

/**
 * What every operation that writes needs. Each locks what it reads, and holds the locks until its write is committed.
 */
export interface StoreParts {
  readonly database: Database
  readonly counts: Counts
  readonly entries: EntryFilter
  readonly locks: Locks
  readonly writer: Writer
}

interface Pending {
  readonly rows: readonly Row[]
  readonly changes: readonly SessionChange[]
  readonly durable: boolean
  readonly onSettled: (() => void) | undefined
  resolve(): void
  reject(error: Error): void
}

/**
 * Group commit: writes that arrive while a batch is being synced form the next batch, so many writes share one fsync.
 * After an error LevelDB refuses all writes until it is reopened, even if the cause is gone. The writer reopens it, and
 * refuses writes until then.
 */
export class Writer {
  private queue: Pending[] = []
  private committing: Promise<void> | null = null
  private recovering: Promise<void> | null = null
  private failure: unknown
  private isRefusing = false
  private readonly stopping = new AbortController()

  constructor(
    private readonly database: Database,
    private readonly counts: Counts,
    private readonly listeners: Listeners,
    private readonly options: {
      readonly sync: boolean
      readonly epochs: EpochSettings
      /** Receives the changes of each commit, and its number, before it begins. */
      readonly onChanges: (changes: readonly SessionChange[], commit: number) => void
      /** Receives the rows of each commit. */
      readonly onRows: (rows: readonly Row[]) => void
      /** The database was reopened: anything remembered about its content is void. */
      readonly onReopen: () => void
      /** Throws StoreDamagedError if the files were taken away: the commit is not on disk then. */
      readonly expectFiles: () => void
    } & StoreHooks,
  ) {}

  /** Whether writes are accepted: not between a failure and its recovery. */
  get isWriting(): boolean {
    return this.recovering === null && !this.isRefusing
  }

  /** Writes that wait for the next commit. */
  get queueDepth(): number {
    return this.queue.length
  }

  /**
   * Writes rows atomically. `changes` are the changes of sessions that they amount to, in their order. With
   * `durable` false it resolves before they are on disk. Rejects with StoreUnavailableError: nothing was written, or the
   * outcome is unknown.
   */
  write(rows: readonly Row[], changes: readonly SessionChange[], durable = true): Promise<void> {
    if (!this.isWriting) {
      return Promise.reject(writeError('an earlier write failed', this.failure))
    }
    for (const change of changes) {
      this.counts.reserve(change)
    }
    const onSettled = this.options.onWrite?.()
    return new Promise<void>((resolve, reject) => {
      this.queue.push({ rows, changes, durable, onSettled, resolve, reject })
      this.committing ??= this.commitAll()
    })
  }

  /** Refuses writes for good, and ends a recovery. */
  refuse(cause: unknown): void {
    this.failure = cause
    this.isRefusing = true
  }

  /** Waits for the current commit, and ends a recovery. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.committing
    await this.recovering
  }

  private async commitAll(): Promise<void> {
    while (this.queue.length > 0) {
      // All writes of this turn of the event loop join the group.
      await setImmediate()
      const group = this.queue
      this.queue = []
      await this.commit(group)
    }
    this.committing = null
  }

  private async commit(group: readonly Pending[]): Promise<void> {
    const changes: SessionChange[] = []
    const rows: Row[] = []
    for (const write of group) {
      rows.push(...write.rows)
      changes.push(...write.changes)
    }
    const { tally, row } = this.counts.next(changes)
    rows.push(row)
    for (const change of changes) {
      const ending = endingOf(change, this.options.epochs)
      if (ending !== null) {
        rows.push(...endingRows(ending, tally.commits, this.options.epochs))
      }
    }
    const sync = this.options.sync && group.some(({ durable }) => durable)
    this.options.onChanges(changes, tally.commits)
    const startedAtMs = performance.now()
    try {
      await this.database.commit(rows, sync)
      this.options.expectFiles()
    } catch (cause) {
      this.failure = cause
      this.options.onFailure?.(cause)
      this.recovering ??= this.recover(tally.commits, changes)
      const error = writeError('a write failed', this.failure)
      for (const { onSettled, reject } of [...group, ...this.queue.splice(0)]) {
        onSettled?.()
        reject(error)
      }
      return
    }
    this.options.onCommit?.(performance.now() - startedAtMs, group.length)
    this.options.onRows(rows)
    this.counts.committedAs(tally, changes)
    for (const change of changes) {
      this.listeners.emit(change)
    }
    for (const { onSettled, resolve } of group) {
      onSettled?.()
      resolve()
    }
  }

  /** Reopens the database once the disk has room. Reads go on meanwhile. */
  private async recover(failedCommit: number, changes: readonly SessionChange[]): Promise<void> {
    for (
      let delayMs = FIRST_RETRY_MS;
      !this.isRefusing;
      delayMs = Math.min(2 * delayMs, LAST_RETRY_MS)
    ) {
      try {
        await this.database.probe()
        await this.database.reopen((level) => this.reload(level, failedCommit, changes))
        this.recovering = null
        if (!this.isRefusing) {
          this.options.onRecovery?.()
        }
        return
      } catch (error) {
        if (error instanceof StoreDamagedError) {
          this.options.onDamage?.(error.message)
          this.refuse(error)
          return // The operator decides what becomes of it, at the next start.
        }
        if (!this.isRefusing) {
          this.failure = error
        }
      }
      try {
        await sleep(delayMs, undefined, { signal: this.stopping.signal })
      } catch {
        return // Stopped.
      }
    }
  }

  private reload(level: ByteLevel, failedCommit: number, changes: readonly SessionChange[]): void {
    this.options.onReopen()
    if (this.counts.load(level) === failedCommit) {
      // The failed commit did reach the disk.
      for (const change of changes) {
        this.listeners.emit(change)
      }
    }
  }
}

function writeError(problem: string, cause: unknown): Error {
  const error = storeError(problem, cause)
  return error instanceof StoreDamagedError ? error : new StoreUnavailableError(problem, cause)
}
