import { ended } from '../../../core/endings/expiry-rules.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import { isSealed, type Session } from '../../../core/session.js'
import type { SessionDeadline } from '../../../core/store.js'
import type { RepairCounts, RepairPorts } from '../../engine.js'
import { quoted } from '../../rows/record.js'
import { Database } from '../database.js'
import { expectInfo, storedInfo } from '../layout/info.js'
import {
  INFO_KEY,
  idAfterTime,
  idOf,
  LIST_TIME_OFFSET,
  RANGES,
  sealKey,
  sessionKey,
} from '../layout/keys.js'
import { storedDeadlineRow, storedEnding, storedEntry, storedSession } from '../layout/stored.js'
import { type Slice, View } from '../read/view.js'
import { Builder } from './builder.js'
import { strangeRows } from './check-left-over.js'
import { salvage } from './salvage.js'
import { Unarmed } from './unarmed.js'

/** What repairing the rows needs. */
export type RowRepairPorts = Pick<RepairPorts, 'dueAtMs' | 'trySeal' | 'epochs' | 'nowMs'>

/** Directories that the repair makes. The last two are temporary. */
export interface RepairPlaces {
  readonly made: string
  readonly saved: string
  readonly stage: string
}

/**
 * Makes a store at `made` from everything that can be read in another store's files, and derives the rest anew. Yields one
 * line for each thing that it drops or mends, never its content. Throws StoreMismatchError, and StoreUnavailableError if it
 * cannot write.
 */
export async function* repairStore(
  location: string,
  { made, saved, stage }: RepairPlaces,
  ports: RowRepairPorts,
): AsyncGenerator<string, RepairCounts> {
  yield* salvage(location, saved, stage)
  const database = new Database(saved)
  await database.open()
  try {
    const view = await View.open((read) => database.read(read))
    try {
      const repair = new Repair(view, await Builder.begin(made, ports.epochs), ports)
      try {
        return yield* repair.run()
      } finally {
        await repair.builder.close()
      }
    } finally {
      await view.close()
    }
  } finally {
    await database.close()
  }
}

class Repair {
  private readonly counts = { sessions: 0, seals: 0, entries: 0 }
  private readonly sealsTried = { opened: 0, failed: 0 }

  constructor(
    private readonly view: View,
    readonly builder: Builder,
    private readonly ports: RowRepairPorts,
  ) {}

  async *run(): AsyncGenerator<string, RepairCounts> {
    const { view, builder, counts } = this
    yield* this.checkInfo()
    const unarmed = new Unarmed(view, this.ports.dueAtMs)
    for await (const slice of view.rows(RANGES.sessions)) {
      const sessions = yield* readable(slice, storedSession)
      const kept = yield* this.addSessions(sessions)
      yield* this.arm(await unarmed.check(kept))
    }
    yield* this.arm(await unarmed.settle())
    if (this.sealsTried.failed > 0 && this.sealsTried.opened === 0) {
      throw new StoreMismatchError(
        `none of ${this.sealsTried.failed} sealed keys opens: the sealing keys cannot be those of this store; ` +
          'give the right ones with --sealing-keys. Nothing was changed',
      )
    }
    yield* this.tellLostSessions()
    yield* this.tellLostSeals()
    for await (const slice of view.rows(RANGES.entries)) {
      for (const { scope, entry } of yield* readable(slice, storedEntry)) {
        await builder.addEntry(scope, entry)
        counts.entries++
      }
    }
    for await (const slice of view.rows(RANGES.deadlines)) {
      for (const { deadline, sharedBy } of yield* readable(slice, storedDeadlineRow)) {
        // Those of endings come with them.
        if (deadline.kind !== 'ending') {
          await builder.addDeadline(deadline, sharedBy)
        }
      }
    }
    for await (const slice of view.rows(RANGES.endings)) {
      for (const ending of yield* readable(slice, storedEnding)) {
        await builder.addEnding(ending)
      }
    }
    for await (const { problem } of strangeRows(view)) {
      yield `dropped: ${problem}`
    }
    await builder.finish()
    return counts
  }

  private async *checkInfo(): AsyncGenerator<string, void> {
    const bytes = await this.view.value(INFO_KEY)
    const [info] =
      bytes === undefined
        ? []
        : yield* readable([[INFO_KEY, bytes]], (_, value) => storedInfo(value, 'the store'))
    if (info === undefined) {
      yield 'mended: the epochs of the store were lost; those of the options are taken'
    } else {
      // With other epochs the new deadlines would be wrong.
      expectInfo(info, this.ports.epochs, 'the store')
    }
  }

  /** Returns the sessions that were kept as they are, whose deadlines may exist already. */
  private async *addSessions(sessions: readonly Session[]): AsyncGenerator<string, Session[]> {
    const { view, builder, counts, ports } = this
    const seals = await view.values(sessions.map(({ id }) => sealKey(id)))
    const kept: Session[] = []
    for (const [i, session] of sessions.entries()) {
      const sealed = seals[i]
      const loss = isSealed(session) ? this.tryIt(session, sealed) : null
      counts.sessions++
      if (loss !== null) {
        const after = ended(session, ports.nowMs, { reason: 'key_lost', by: 'repair' })
        yield `ended session ${quoted(session.id)}: ${loss}`
        await builder.addSession(after)
        await builder.addDeadline({ kind: 'session', timeMs: ports.dueAtMs(after), id: after.id })
        continue
      }
      kept.push(session)
      await builder.addSession(session)
      if (isSealed(session) && sealed !== undefined) {
        await builder.addSeal(session.id, sealed)
        counts.seals++
      }
    }
    return kept
  }

  /** Why a seal is lost; null if it is not known to be. */
  private tryIt(session: Session, sealed: Uint8Array | undefined): string | null {
    if (sealed === undefined) {
      return 'its sealed key is missing'
    }
    const verdict = this.ports.trySeal?.(session, sealed) ?? { opens: false, isKeyMissing: true }
    if (verdict.opens) {
      this.sealsTried.opened++
      return null
    }
    if (!('reason' in verdict) || verdict.isKeyMissing) {
      return null
    }
    this.sealsTried.failed++
    return verdict.reason
  }

  private async *arm(lacking: readonly SessionDeadline[]): AsyncGenerator<string, void> {
    for (const deadline of lacking) {
      yield `mended session ${quoted(deadline.id)}: no deadline would have led the sweep to it`
      await this.builder.addDeadline(deadline)
    }
  }

  /** Names lost sessions that a list still mentions. */
  private async *tellLostSessions(): AsyncGenerator<string, void> {
    if ((await this.view.count(RANGES.byTime)) === this.counts.sessions) {
      return
    }
    for await (const slice of this.view.rows(RANGES.byTime)) {
      const ids = slice.map(([key]) => idAfterTime(key, LIST_TIME_OFFSET))
      const records = await this.view.values(ids.map(sessionKey))
      for (const id of ids.filter((_, i) => records[i] === undefined)) {
        yield `lost session ${quoted(id)}: a list names it, but its record is gone`
      }
    }
  }

  private async *tellLostSeals(): AsyncGenerator<string, void> {
    if ((await this.view.count(RANGES.seals)) === this.counts.seals) {
      return
    }
    for await (const slice of this.view.rows(RANGES.seals)) {
      for (const [key] of slice) {
        if (!(await this.builder.has(key))) {
          yield `dropped the sealed key of session ${quoted(idOf(key))}`
        }
      }
    }
  }
}

/** The rows that can be read. Drops the others, with a line for each. */
function* readable<T>(
  slice: Slice,
  read: (key: Buffer, value: Uint8Array) => T,
): Generator<string, T[]> {
  const found: T[] = []
  for (const [key, value] of slice) {
    try {
      found.push(read(key, value))
    } catch (error) {
      if (!(error instanceof StoreDamagedError)) {
        throw error
      }
      yield `dropped ${error.message}`
    }
  }
  return found
}
