import { StoreDamagedError, StoreUnavailableError } from '../../../core/errors.js'
import { ownerText } from '../../../core/owner-text.js'
import { isSealed, type SessionEnding } from '../../../core/session.js'
import type { Deadline, IdempotencyDeadline, IdempotencyScope } from '../../../core/store.js'
import { encodeEntry, encodeSession } from '../../rows/codec.js'
import { quoted } from '../../rows/record.js'
import { valueIn, wholeNumberOf } from '../connection/reply.js'
import type { ReadParts } from '../functions/functions.js'
import {
  entryField,
  readDeadlineMember,
  readEnding,
  readEntry,
  readRecord,
  readSeal,
} from '../layout/values.js'
import { scan, slicesOf } from '../read/walk.js'
import { EventCursor } from './event-cursor.js'

/** How often a shard is read anew because its stream no longer has all that changed meanwhile. */
const MAX_ATTEMPTS = 5
/** How often those that changed meanwhile are read again. */
const MAX_ROUNDS = 1000

/** What a shard holds that cannot be derived. Records and entries are encoded as in a backup. */
export interface ShardState {
  readonly sessions: ReadonlyMap<string, StoredSession>
  readonly entries: readonly { readonly scope: IdempotencyScope; readonly entry: Uint8Array }[]
  readonly deadlines: readonly Deadline[]
  /** Of sessions that are not there any more. The others follow from the records. */
  readonly endings: readonly SessionEnding[]
}

interface StoredSession {
  readonly record: Uint8Array
  /** undefined: it has none. */
  readonly seal: Uint8Array | undefined
}

/**
 * Reads a shard as it is at one moment, while servers write to it. Keeps all of it in memory. A session that changed
 * meanwhile gets a deadline at `nowMs`: its own may be of another moment. Throws StoreDamagedError rather than omit what cannot
 * be read, and StoreUnavailableError.
 */
export async function readShard(
  store: ReadParts,
  shard: number,
  nowMs: number,
): Promise<ShardState> {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    try {
      return await new ShardReader(store, shard, await EventCursor.atEnd(store, shard)).read(nowMs)
    } catch (error) {
      if (!(error instanceof Outrun)) {
        throw error
      }
    }
  }
  throw new StoreUnavailableError('a shard changes too fast to be read: try again at less load')
}

/** What changed meanwhile is not known any more. */
class Outrun extends Error {}

class ShardReader {
  private readonly keys
  private readonly sessions = new Map<string, StoredSession>()
  /** Lists name them, and they have no record. */
  private readonly missing = new Set<string>()
  /** By their members. */
  private readonly deadlines = new Map<string, Deadline>()

  constructor(
    private readonly store: ReadParts,
    private readonly shard: number,
    private readonly events: EventCursor,
  ) {
    this.keys = store.shards.keysOf(shard)
  }

  /** Throws Outrun. */
  async read(nowMs: number): Promise<ShardState> {
    const changed = new Set<string>()
    // Before and after: of one that is settled and armed anew, at least one is met.
    await this.readDeadlines(changed)
    for (const active of [true, false]) {
      for await (const members of scan(this.store, this.shard, 'ZSCAN', this.keys.list(active))) {
        await this.readSessions(members.map(([member]) => member.toString()))
        await this.keepUp(changed)
      }
    }
    await this.catchUp(changed)
    const later = new Set<string>()
    await this.readDeadlines(later)
    await this.keepUp(later)
    const isOfLater = (id: string) => later.has(id) && !this.sessions.has(id)
    const entries = (await this.readEntries()).filter(({ sessionId }) => !isOfLater(sessionId))
    const deadlines = [...this.deadlines.values()].filter(
      (deadline) => deadline.kind === 'session' && !isOfLater(deadline.id),
    )
    for (const id of new Set([...changed, ...later])) {
      if (this.sessions.has(id)) {
        deadlines.push({ kind: 'session', timeMs: nowMs, id })
      }
    }
    return {
      sessions: this.sessions,
      entries,
      endings: await this.readEndings(),
      deadlines: [...deadlines, ...entries.map(({ deadline }) => deadline)],
    }
  }

  /** Notes what changed since the last call. Call it often: the stream keeps only the last changes. */
  private async keepUp(changed: Set<string>): Promise<void> {
    const ids = await this.events.next()
    if (ids === undefined) {
      throw new Outrun()
    }
    for (const id of ids) {
      changed.add(id)
    }
  }

  /** Reads those again that changed, until none did since: all that was read is then of that moment. Adds them to `changed`. */
  private async catchUp(changed: Set<string>): Promise<void> {
    const ids = new Set(changed)
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      await this.keepUp(ids)
      if (ids.size === 0) {
        this.expectNoneMissing(changed)
        return
      }
      await this.readSessions([...ids])
      for (const id of ids) {
        changed.add(id)
      }
      ids.clear()
    }
    throw new Outrun()
  }

  private expectNoneMissing(changed: ReadonlySet<string>): void {
    for (const id of this.missing) {
      if (!changed.has(id)) {
        throw new StoreDamagedError(`a list names session ${quoted(id)}, which has no record`)
      }
    }
  }

  private async readSessions(all: readonly string[]): Promise<void> {
    const { keys, store, shard } = this
    for (const ids of slicesOf(all)) {
      const questions = ids.flatMap((id) => [
        { kind: 'record' as const, key: keys.record(id) },
        { kind: 'value' as const, key: keys.seal(id) },
      ])
      const replies = await store.functions.look(shard, questions)
      for (const [i, id] of ids.entries()) {
        const stored = valueIn(replies[2 * i])
        const sealed = valueIn(replies[2 * i + 1])
        if (stored === undefined) {
          this.sessions.delete(id)
          this.missing.add(id)
          continue
        }
        const session = readRecord(keys.record(id), id, stored)
        if (store.shards.ofUser(session.userId) !== shard) {
          throw new StoreDamagedError(
            `session ${quoted(id)}: its record is not in the shard of its user`,
          )
        }
        const hasSeal = sealed !== undefined && isSealed(session)
        this.sessions.set(id, {
          record: encodeSession(session),
          seal: hasSeal ? readSeal(keys.seal(id), id, sealed) : undefined,
        })
      }
    }
  }

  private async readDeadlines(changed: Set<string>): Promise<void> {
    const key = this.keys.deadlines
    for await (const rows of scan(this.store, this.shard, 'ZSCAN', key)) {
      for (const [member, score] of rows) {
        const deadline = readDeadlineMember(key, member, wholeNumberOf(score))
        this.deadlines.set(member.toString('latin1'), deadline)
      }
      await this.keepUp(changed)
    }
  }

  private async readEndings(): Promise<SessionEnding[]> {
    const key = this.keys.endings
    const endings: SessionEnding[] = []
    for await (const fields of scan(this.store, this.shard, 'HSCAN', key)) {
      for (const [id, value] of fields) {
        const ending = readEnding(key, id, value)
        endings.push(...(this.sessions.has(ending.id) ? [] : [ending]))
      }
    }
    return endings
  }

  /** Entries have deadlines, which lead to them. */
  private async readEntries() {
    const { functions } = this.store
    const found = new Map<string, ReturnType<typeof entryFound>>()
    const due = [...this.deadlines.values()].filter((one) => one.kind === 'idempotency')
    for (const slice of slicesOf(due)) {
      const asked = slice.map(({ scope }) => {
        const key = this.keys.entries(ownerText(scope.owner))
        return { kind: 'field', key, detail: entryField(scope.signer, scope.key) } as const
      })
      const replies = await functions.look(this.shard, asked)
      for (const [i, { key, detail }] of asked.entries()) {
        const stored = valueIn(replies[i])
        if (stored !== undefined) {
          const { scope } = slice[i] as IdempotencyDeadline
          const name = `${key} ${detail.toString('latin1')}`
          found.set(name, entryFound(scope, readEntry(key, detail, stored)))
        }
      }
    }
    return [...found.values()]
  }
}

function entryFound(scope: IdempotencyScope, entry: ReturnType<typeof readEntry>) {
  const deadline = { kind: 'idempotency', timeMs: entry.expiresTimeMs, scope } as const
  return { scope, entry: encodeEntry(entry), sessionId: entry.sessionId, deadline }
}
