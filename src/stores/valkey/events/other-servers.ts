import { StoreDamagedError } from '../../../core/errors.js'
import { numberOf, type Reply, valueIn } from '../connection/reply.js'
import type { Question } from '../functions/call.js'
import type { ReadParts } from '../functions/functions.js'
import { readRecord, versionNumber, versionOf } from '../layout/values.js'
import { entriesFrom, eventOf, isUncut, newestPlace, placeOf, type StreamEvent } from './stream.js'
import type { Teller } from './teller.js'

/** A message may be lost: masters are asked so often which streams have news. */
const POLL_MS = 1000
/** Events in one read. */
const SLICE = 100
/** Of its own events no message tells a server. It reads on before the stream is cut off behind what it has read. */
const MAX_OWN = 200
/** The id of no entry: behind it, changes have been missed. */
const NOWHERE = '0-1'

export interface OtherServersHooks {
  /** Changes may have been missed. */
  readonly onMissed: () => void
  /** A session was met in this shard. */
  readonly onMet?: (id: string, shard: number) => void
  /** A record that was changed is damaged, in one line. */
  readonly onDamage?: ((problem: string) => void) | undefined
}

interface Shard {
  /** The last entry that was read; null: the stream was empty. */
  cursor: string | null
  /** Versions that this server wrote, as far as it has not met them in the stream. */
  readonly own: Set<string>
  isReading: boolean
  isDue: boolean
  /** When we last began to read to the end of the stream, or to ask whether we are there, of `performance.now`. */
  knownAtMs: number
}

/**
 * Reads the streams of shards that have news, and tells of what other servers changed. A message wakes it; without one it asks
 * every second. Where a stream no longer has the entry that was read last (it was cut off, or a master died), changes may have
 * been missed.
 */
export class OtherServers {
  private readonly states: readonly Shard[]
  /** Shards whose masters are being asked for news. */
  private readonly asked = new Set<number>()
  private readonly timer: NodeJS.Timeout
  private readonly leave: () => void
  private isClosed = false

  private constructor(
    private readonly store: ReadParts,
    private readonly teller: Teller,
    private readonly hooks: OtherServersHooks,
    cursors: readonly (string | null)[],
  ) {
    this.states = cursors.map((cursor) => ({
      ...{ cursor, own: new Set<string>(), isReading: false, isDue: false },
      knownAtMs: performance.now(),
    }))
    this.leave = store.functions.cluster.subscribe(
      (shard) => store.shards.keysOf(shard).events,
      (shard) => this.wake(shard),
      () => this.startOver(),
    )
    this.timer = setInterval(() => this.ask(), POLL_MS).unref()
  }

  /** Tells of all changes from now on. Throws StoreUnavailableError. */
  static async follow(
    store: ReadParts,
    teller: Teller,
    hooks: OtherServersHooks,
  ): Promise<OtherServers> {
    const cursors = await Promise.all(
      Array.from(store.shards, (shard) => newestPlace(store, shard)),
    )
    return new OtherServers(store, teller, hooks, cursors)
  }

  /** A write begins that makes this event. Call the result with whether it was committed; undefined: that is unknown. */
  begin(shard: number, id: string, version: Buffer): (isCommitted?: boolean) => void {
    const state = this.states[shard] as Shard
    const key = keyOf(version)
    state.own.add(key)
    return (isCommitted) => {
      // Where it is not among them any more, it was met in the stream, and so it was committed.
      if (isCommitted !== true && !state.own.delete(key) && isCommitted === undefined) {
        this.tellAgain(shard, { id, version }).catch(() => this.hooks.onMissed())
      }
      if (state.own.size > MAX_OWN) {
        this.wake(shard)
      }
    }
  }

  /** By shard, for how many milliseconds this server may not know of all changes. */
  *lags(): Generator<[shard: number, ms: number], void> {
    const nowMs = performance.now()
    for (const [shard, { knownAtMs }] of this.states.entries()) {
      yield [shard, nowMs - knownAtMs]
    }
  }

  /**
   * What was read of a master that was replaced may be lost with it. The stream does not show that: a session may be read as it is
   * after events that are not read yet.
   */
  private startOver(): void {
    this.teller.forget()
    this.hooks.onMissed()
  }

  close(): void {
    this.isClosed = true
    clearInterval(this.timer)
    this.leave()
  }

  /** Asks every master, but one that has not answered yet. */
  private ask(): void {
    const shards = Array.from(this.store.shards).filter((shard) => !this.asked.has(shard))
    for (const group of this.store.functions.cluster.byMaster(shards)) {
      this.askMaster(group)
    }
  }

  private async askMaster(shards: readonly number[]): Promise<void> {
    const beganAtMs = performance.now()
    for (const shard of shards) {
      this.asked.add(shard)
    }
    try {
      const news = await this.store.functions.which('news', shards, (shard) => [
        this.store.shards.keysOf(shard).events,
        this.states[shard]?.cursor ?? '',
      ])
      const withNews = new Set(news)
      for (const shard of shards) {
        const state = this.states[shard] as Shard
        if (withNews.has(shard)) {
          this.wake(shard)
        } else {
          state.knownAtMs = Math.max(state.knownAtMs, beganAtMs)
        }
      }
    } catch (error) {
      this.failed(error)
    } finally {
      for (const shard of shards) {
        this.asked.delete(shard)
      }
    }
  }

  /** One read of a shard at a time. */
  private async wake(shard: number): Promise<void> {
    const state = this.states[shard] as Shard
    state.isDue = true
    if (state.isReading) {
      return
    }
    state.isReading = true
    try {
      while (state.isDue && !this.isClosed) {
        state.isDue = false
        await this.read(shard, state)
      }
    } catch (error) {
      this.failed(error)
    } finally {
      state.isReading = false
    }
  }

  /** Where the engine is away for now, the next question or message goes on where this one ended. */
  private failed(error: unknown): void {
    if (error instanceof StoreDamagedError) {
      this.hooks.onDamage?.(error.message)
    }
  }

  private async read(shard: number, state: Shard): Promise<void> {
    const { cursor } = state
    const beganAtMs = performance.now()
    const entries = await entriesFrom(this.store, shard, cursor, SLICE + 1)
    const first = entries.length === 0 ? null : placeOf(entries[0])
    const isWhole =
      cursor === null ? first === null || (await isUncut(this.store, shard)) : first === cursor
    if (!isWhole) {
      state.own.clear()
      this.hooks.onMissed()
    }
    const news = isWhole && cursor !== null ? entries.slice(1) : entries
    const last = entries.length === 0 ? null : placeOf(entries.at(-1))
    if (await this.tell(shard, state, this.eventsOf(news), last)) {
      state.cursor = last
    } else {
      state.cursor = NOWHERE
    }
    if (entries.length > SLICE) {
      state.isDue = true
    } else {
      state.knownAtMs = beganAtMs
    }
  }

  /** What no function of ours wrote is reported, and left out. */
  private eventsOf(entries: readonly Reply[]): StreamEvent[] {
    return entries.flatMap((entry) => {
      try {
        return [eventOf(entry)]
      } catch (error) {
        this.report(error)
        return []
      }
    })
  }

  private report(error: unknown): void {
    if (!(error instanceof StoreDamagedError)) {
      throw error
    }
    this.hooks.onDamage?.(error.message)
  }

  /**
   * Tells of the sessions of these events as they are now. Returns false, and tells nothing, where the engine that has the
   * sessions does not have the `last` entry: a master may have been replaced since, and what it says may be older.
   */
  private async tell(
    shard: number,
    { own }: Shard,
    events: readonly StreamEvent[],
    last: string | null,
  ): Promise<boolean> {
    const foreign = events.filter(
      ({ id, version }) => !own.delete(keyOf(version)) && !this.teller.knows(id, version),
    )
    const newest = [...new Map(foreign.map((event) => [event.id, event])).values()]
    if (newest.length === 0 || last === null) {
      return true
    }
    const keys = this.store.shards.keysOf(shard)
    const [count, ...records] = await this.store.functions.look(shard, [
      { kind: 'entry', key: keys.events, detail: last },
      ...newest.map(({ id }): Question => ({ kind: 'record', key: keys.record(id) })),
    ])
    if (numberOf(count) === 0) {
      return false
    }
    newest.forEach(({ id, version }, i) => {
      const stored = valueIn(records[i])
      this.hooks.onMet?.(id, shard)
      if (stored === undefined) {
        this.teller.foreign(id, null, version)
      } else {
        this.tellOf(id, keys.record(id), stored)
      }
    })
    return true
  }

  /** Tells of a change that was met in the stream already. */
  private async tellAgain(shard: number, { id, version }: StreamEvent): Promise<void> {
    const key = this.store.shards.keysOf(shard).record(id)
    const [reply] = await this.store.functions.look(shard, [{ kind: 'record', key }])
    const stored = valueIn(reply)
    if (stored === undefined || versionNumber(stored) < versionNumber(version)) {
      // It was deleted since, or lost with its master.
      this.hooks.onMissed()
    } else {
      this.tellOf(id, key, stored)
    }
  }

  /** A damaged record is reported; those after it are told of. */
  private tellOf(id: string, key: string, stored: Buffer): void {
    try {
      this.teller.foreign(id, readRecord(key, id, stored), versionOf(stored))
    } catch (error) {
      this.report(error)
    }
  }
}

function keyOf(version: Buffer): string {
  return version.toString('latin1')
}
