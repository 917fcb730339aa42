import { StoreUnavailableError } from '../../core/errors.js'
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
  SharedKeys,
  Update,
  WalkedEntry,
  WriteOptions,
} from '../../core/store.js'
import type { AfterQuery, ListPart, ListQuery, SessionPage } from '../../core/store-lists.js'
import type { CheckEvent } from '../../core/upkeep/care.js'
import type { IdBits } from '../../core/uuid.js'
import type { CheckPorts, ServedStore, StoreHealth, StoreHooks } from '../engine.js'
import { Listeners } from '../listeners.js'
import { Gate, Locks } from '../locks.js'
import type { Cluster } from './connection/cluster.js'
import { OtherServers } from './events/other-servers.js'
import { Teller } from './events/teller.js'
import { Functions } from './functions/functions.js'
import { WriteHealth } from './health.js'
import { Known } from './known.js'
import { idBitsOf, Shards } from './layout/shards.js'
import { backUp } from './maintenance/backup.js'
import { checkStore } from './maintenance/check.js'
import type { StoreParts } from './parts.js'
import { sessionsAfter } from './read/after.js'
import { readDue } from './read/due.js'
import { readEndings } from './read/endings.js'
import { Leases } from './read/leases.js'
import { listSessions } from './read/list.js'
import { findOpened, getSession, readSealOf } from './read/lookup.js'
import { walkDeadlines, walkIdempotency, walkSeals, walkSessions } from './read/walk.js'
import { Whereabouts } from './read/whereabouts.js'
import { confirm } from './write/commit.js'
import { forgetEntry } from './write/forget.js'
import { insertSession } from './write/insert.js'
import { removeSession, updateSession } from './write/mutate.js'
import { OpenCounts } from './write/open-counts.js'
import { Seals } from './write/seals.js'
import { settleDeadlines } from './write/settle.js'
import { agreeOnKeys } from './write/shared-keys.js'

interface ValkeyHooks extends StoreHooks {
  /** Throws StoreMismatchError where a master is set up so that it would lose sessions. */
  readonly expectSafe?: () => Promise<void>
}

/** Sessions in a Valkey or Redis that any number of servers share. */
export class ValkeyStore implements ServedStore {
  private readonly gate = new Gate()
  private readonly parts: StoreParts
  private readonly seals: Seals
  private readonly leases: Leases
  private readonly writeHealth: WriteHealth
  private writesUnderWay = 0
  /** Inserts under way: they may have decided. */
  private readonly inserts = new Set<Promise<unknown>>()
  private closing: Promise<void> | null = null

  private constructor(
    private readonly cluster: Cluster,
    private readonly hooks: ValkeyHooks,
    given: Pick<StoreParts, 'info' | 'functions' | 'shards' | 'whereabouts' | 'teller' | 'others'>,
    private readonly listeners: Listeners,
  ) {
    const { functions, shards } = given
    this.parts = {
      ...given,
      known: new Known(),
      counts: new OpenCounts(shards, functions),
      locks: new Locks(),
    }
    this.seals = new Seals(this.parts)
    this.leases = new Leases(cluster, shards)
    this.writeHealth = new WriteHealth(
      cluster,
      async (shard) => void (await confirm(this.parts, shard, [])),
      hooks,
      hooks.expectSafe,
    )
  }

  /** The store that this cluster holds. It closes the cluster when it is closed itself. Throws StoreUnavailableError. */
  static async over(
    cluster: Cluster,
    info: StoreParts['info'],
    hooks: ValkeyHooks = {},
  ): Promise<ValkeyStore> {
    const functions = new Functions(cluster)
    const shards = new Shards(cluster.shards)
    const listeners = new Listeners()
    const teller = new Teller(listeners)
    const whereabouts = new Whereabouts(shards, functions)
    const others = await OtherServers.follow({ functions, shards }, teller, {
      onMissed: () => listeners.emitMissed(),
      onMet: (id, shard) => whereabouts.met(id, shard),
      onDamage: hooks.onDamage,
    })
    const parts = { info, functions, shards, whereabouts, teller, others }
    const store = new ValkeyStore(cluster, hooks, parts, listeners)
    await store.parts.counts.refresh()
    return store
  }

  idBits(userId: string): IdBits {
    return { at: 'version', bits: idBitsOf(userId) }
  }

  get(id: string, options?: { readonly proven?: boolean }): Promise<Session | undefined> {
    return this.during(() => getSession(this.parts, id, options))
  }

  findOpened(userId: string, address: string, client: string): Promise<Session | undefined> {
    return this.during(() => findOpened(this.parts, { userId, address, client }))
  }

  seal(id: string): Promise<Uint8Array | undefined> {
    return this.during(() => readSealOf(this.parts, id))
  }

  list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage> {
    return this.during(() => listSessions(this.parts, query, signal))
  }

  listAfter(query: AfterQuery): Promise<ListPart> {
    return this.during(() => sessionsAfter(this.parts, query))
  }

  countOpen(): Promise<number> {
    return this.during(() => this.parts.counts.current())
  }

  insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session> {
    const insert = this.writing(() => insertSession(this.parts, scope, decide))
    this.inserts.add(insert)
    insert.finally(() => this.inserts.delete(insert)).catch(() => {})
    return insert
  }

  update(
    id: string,
    change: (current: Session) => Update | null,
    options: WriteOptions = {},
  ): Promise<Session | undefined> {
    return this.writing(() => updateSession(this.parts, id, change, options))
  }

  remove(
    id: string,
    check: (current: Session) => boolean,
    options: RemoveOptions = {},
  ): Promise<Session | undefined> {
    return this.writing(async () => {
      const removed = await removeSession(this.parts, id, check, options)
      this.seals.removed(removed)
      return removed
    })
  }

  reseal(id: string, change: ChangeSeal): Promise<void> {
    return this.writing(() => this.seals.reseal(id, change))
  }

  compactSeals(): Promise<void> {
    return this.during(() => this.seals.compact())
  }

  forget(scope: IdempotencyScope, check: (entry: FoundEntry) => boolean): Promise<boolean> {
    return this.writing(() => forgetEntry(this.parts, scope, check))
  }

  due(timeMs: number, limit: number): Promise<Deadline[]> {
    return this.during(async () => readDue(this.parts, await this.leases.held(), timeMs, limit))
  }

  settle(deadlines: readonly Deadline[]): Promise<void> {
    return this.writing(() => settleDeadlines(this.parts, deadlines))
  }

  endings(cursor: Uint8Array, limit: number, of?: ReadonlySet<string>): Promise<EndingsPage> {
    return this.during(() => readEndings(this.parts, cursor, limit, of))
  }

  async *walkSeals(): AsyncIterable<readonly string[]> {
    await Promise.allSettled(this.inserts)
    yield* this.walking(() => walkSeals(this.parts))
  }

  walkSessions(
    userId: string,
    active?: boolean,
    onDamaged?: (problem: string) => void,
  ): AsyncIterable<readonly Session[]> {
    return this.walking(() => walkSessions(this.parts, userId, active, onDamaged))
  }

  walkIdempotency(owner: Uint8Array): AsyncIterable<readonly WalkedEntry[]> {
    return this.walking(() => walkIdempotency(this.parts, owner))
  }

  walkDeadlines(userId?: string): AsyncIterable<readonly Deadline[]> {
    return this.walking(() => walkDeadlines(this.parts, userId))
  }

  subscribe(listener: SessionListener, onMissed?: () => void): () => void {
    return this.listeners.subscribe(listener, onMissed)
  }

  get isWritable(): boolean {
    return this.closing === null && this.writeHealth.isWritable
  }

  get queueDepth(): number {
    return this.writesUnderWay
  }

  eventLags(): Iterable<readonly [number, number]> {
    return this.parts.others.lags()
  }

  health(): StoreHealth {
    return this.writeHealth.report
  }

  watch(onServing: (isServing: boolean) => void): void {
    this.writeHealth.watch(onServing)
  }

  backup(nowMs: number): AsyncIterable<Uint8Array> {
    return this.walking(() => backUp(this.parts, this.parts.info.epochs, nowMs))
  }

  agreeOnKeys(change: (known: SharedKeys) => SharedKeys): Promise<SharedKeys> {
    return this.during(() => agreeOnKeys(this.parts, change))
  }

  check(ports: CheckPorts): AsyncIterable<CheckEvent> {
    return this.walking(() => checkStore(this.parts, { ...ports, epochs: this.parts.info.epochs }))
  }

  close(): Promise<void> {
    this.closing ??= this.gate.alone(async () => {
      this.parts.others.close()
      this.writeHealth.close()
      await this.leases.release()
      await this.cluster.close()
    })
    return this.closing
  }

  /** An operation that somebody waits for until it is durable. */
  private writing<T>(fn: () => Promise<T>): Promise<T> {
    return this.during(async () => {
      const onSettled = this.hooks.onWrite?.()
      this.writesUnderWay++
      try {
        return await fn()
      } finally {
        this.writesUnderWay--
        onSettled?.()
      }
    })
  }

  /** Runs an operation that `close` waits for. Throws StoreUnavailableError once `close` was called. */
  private during<T>(fn: () => Promise<T>): Promise<T> {
    return this.closing === null
      ? this.gate.enter(fn)
      : Promise.reject(new StoreUnavailableError('it is closed'))
  }

  /** Each step of a walk is an operation of its own, so `close` waits for no slow reader. */
  private async *walking<T>(begin: () => AsyncGenerator<T, void>): AsyncGenerator<T, void> {
    const steps = begin()
    try {
      for (;;) {
        const { value, done } = await this.during(() => steps.next())
        if (done) {
          return
        }
        yield value
      }
    } finally {
      await steps.return()
    }
  }
}
