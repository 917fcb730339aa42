import { endingIn } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import { InputFileError } from '../../../core/errors.js'
import type { Session, SessionEnding } from '../../../core/session.js'
import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import { encodeEntry, type StoredEntry } from '../../rows/codec.js'
import { Database, KEY_ONLY, type Row } from '../database.js'
import { encodeInfo, newInfo } from '../layout/info.js'
import { deadlineKey, entryKey, INFO_KEY, sealKey, sessionKey, TALLY_KEY } from '../layout/keys.js'
import { openedRows } from '../layout/opened.js'
import { changeRows, endingRows } from '../layout/rows.js'
import { encodeTally } from '../layout/tally.js'

const BATCH_ROWS = 2_000
const BATCH_BYTES = 1024 * 1024

/**
 * Makes a store from the rows that cannot be derived, and derives the others. It becomes a store only with `finish`:
 * servers refuse a directory without the row of facts. Throws InputFileError if it cannot write.
 */
export class Builder {
  private rows: Row[] = []
  private bytes = 0
  /** Lists of opened sessions that are not written yet, by key. */
  private readonly opened = new Map<string, Uint8Array>()
  /** Of the sessions among `rows`. */
  private readonly pendingIds = new Set<string>()
  private openSessions = 0

  private constructor(
    private readonly database: Database,
    private readonly epochs: EpochSettings,
  ) {}

  /** In a new directory. */
  static async begin(location: string, epochs: EpochSettings): Promise<Builder> {
    const database = new Database(location)
    await database.open()
    return new Builder(database, epochs)
  }

  /** Call it once for each session. Adds its ending as well, if it ended within its lifetime. */
  async addSession(after: Session): Promise<void> {
    const change = { before: null, after }
    const opened = openedRows(
      [change],
      (key) => this.opened.get(key.toString('latin1')) ?? this.database.valueNow(key),
    )
    for (const [key, list] of opened) {
      this.opened.set(key.toString('latin1'), list ?? new Uint8Array())
    }
    this.openSessions += after.active ? 1 : 0
    this.pendingIds.add(after.id)
    await this.add([...changeRows(change), ...opened])
    const ending = endingIn(after, this.epochs)
    if (ending !== null) {
      await this.addEnding(ending)
    }
  }

  /** Adds its deadline as well. */
  addEnding(ending: SessionEnding): Promise<void> {
    return this.add(endingRows(ending, 0, this.epochs))
  }

  addSeal(id: string, sealed: Uint8Array): Promise<void> {
    return this.add([[sealKey(id), sealed]])
  }

  /** Adds its deadline as well. */
  addEntry(scope: IdempotencyScope, entry: StoredEntry): Promise<void> {
    const timeMs = entry.expiresTimeMs
    return this.add([
      [entryKey(scope), encodeEntry(entry)],
      [deadlineKey({ kind: 'idempotency', timeMs, scope }), KEY_ONLY],
    ])
  }

  /** `sharedBy`: whose entry has no deadline but this. */
  addDeadline(deadline: Deadline, sharedBy?: IdempotencyScope): Promise<void> {
    if (sharedBy === undefined) {
      return this.add([[deadlineKey(deadline), KEY_ONLY]])
    }
    const own = { kind: 'idempotency', timeMs: deadline.timeMs, scope: sharedBy } as const
    return this.add([
      [deadlineKey(deadline), entryKey(sharedBy)],
      [deadlineKey(own), null],
    ])
  }

  /** Whether a row was added. */
  async has(key: Buffer): Promise<boolean> {
    await this.flush(false)
    return this.database.valueNow(key) !== undefined
  }

  /** Whether a session was added. */
  hasSession(id: string): boolean {
    return this.pendingIds.has(id) || this.database.valueNow(sessionKey(id)) !== undefined
  }

  /** Writes the facts about the store, syncs everything to disk, and closes the store. */
  async finish(): Promise<void> {
    await this.add([
      [INFO_KEY, encodeInfo(newInfo(this.epochs))],
      [TALLY_KEY, encodeTally({ openSessions: this.openSessions, commits: 0 })],
    ])
    await this.flush(true)
    await this.close()
  }

  close(): Promise<void> {
    return this.database.close()
  }

  private async add(rows: readonly Row[]): Promise<void> {
    this.rows.push(...rows)
    this.bytes += rows.reduce((sum, [key, value]) => sum + key.length + (value?.length ?? 0), 0)
    if (this.rows.length >= BATCH_ROWS || this.bytes >= BATCH_BYTES) {
      await this.flush(false)
    }
  }

  private async flush(sync: boolean): Promise<void> {
    const rows = this.rows.splice(0)
    if (rows.length === 0) {
      return
    }
    this.bytes = 0
    this.pendingIds.clear()
    this.opened.clear()
    try {
      await this.database.commit(rows, sync)
    } catch (error) {
      const { location } = this.database
      throw new InputFileError(location, `cannot be written: ${(error as Error).message}`, error)
    }
  }
}
