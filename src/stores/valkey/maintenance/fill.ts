import { setTimeout as sleep } from 'node:timers/promises'
import { endingIn } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreUnavailableError } from '../../../core/errors.js'
import { ownerText } from '../../../core/owner-text.js'
import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import type { BackupItem } from '../../backup-format.js'
import { decodeEntry } from '../../rows/codec.js'
import { decodeEnding } from '../../rows/ending.js'
import { attempt, quoted, readRecord } from '../../rows/record.js'
import { EngineError, valueIn } from '../connection/reply.js'
import type { Write } from '../functions/call.js'
import type { ReadParts } from '../functions/functions.js'
import {
  entryField,
  entryValue,
  NO_VERSION,
  pointerValue,
  sealValue,
  versionAfter,
} from '../layout/values.js'
import { changeWrites, deadlineWrite, endingWrites } from '../layout/writes.js'
import { slicesOf } from '../read/walk.js'
import { Whereabouts } from '../read/whereabouts.js'
import { kept } from '../write/commit.js'

const BATCH_ITEMS = 2000
const BATCH_BYTES = 4 * 1024 * 1024
/** In one call of the engine, which serves nobody else meanwhile. */
const CALL_WRITES = 400
/** A master may be replaced meanwhile: what is written is the same each time. */
const MAX_ATTEMPTS = 12
const PAUSE_MS = 1000
/** Waiting does not help. */
const LASTING = /^(?:OOM|MISCONF|NOAUTH|NOPERM|NOREPLICAS)$/

type Item = Exclude<BackupItem, { kind: 'header' }>

/** Writes the items of a backup to an empty store, many at a time. Writing one again does no harm. */
export class Filler {
  private items: Item[] = []
  private bytes = 0
  private readonly whereabouts: Whereabouts

  /** `expectOwn`: throws where this run must not write any more. */
  constructor(
    private readonly store: ReadParts,
    private readonly epochs: EpochSettings,
    private readonly expectOwn: () => Promise<void>,
  ) {
    this.whereabouts = new Whereabouts(store.shards, store.functions)
  }

  /** Whether it is time to write what was added. */
  get isFull(): boolean {
    return this.items.length >= BATCH_ITEMS || this.bytes >= BATCH_BYTES
  }

  add(item: Item): void {
    this.items.push(item)
    this.bytes += item.kind === 'session' ? item.record.length : 0
  }

  /**
   * Resolves once everything that was added is durable. Throws StoreDamagedError for what no server backs up, and
   * StoreUnavailableError.
   */
  async flush(): Promise<void> {
    const items = this.items.splice(0)
    this.bytes = 0
    for (let attempts = 1; ; attempts++) {
      try {
        await this.write(items)
        return
      } catch (error) {
        const mayPass = error instanceof StoreUnavailableError && !isLasting(error)
        if (!mayPass || attempts === MAX_ATTEMPTS) {
          throw error
        }
        await sleep(PAUSE_MS)
      }
    }
  }

  private async write(items: readonly Item[]): Promise<void> {
    await this.expectOwn()
    const sessions = new Writes()
    for (const item of items) {
      if (item.kind === 'session') {
        this.addSession(sessions, item.record)
      }
    }
    // They tell where the others belong.
    await sessions.commit(this.store)
    const others = new Writes()
    await Promise.all(items.map((item) => this.addOther(others, item)))
    await others.commit(this.store)
  }

  private addSession(writes: Writes, record: Uint8Array): void {
    const { epochs } = this
    const { shards } = this.store
    const session = kept(readRecord(record, 'a session'))
    const { id, userId } = session
    const shard = shards.ofUser(userId)
    const keys = shards.keysOf(shard)
    const change = { before: null, after: session }
    const changed = changeWrites(keys, change, versionAfter(NO_VERSION), epochs)
    // Nobody listens yet.
    writes.add(shard, ...changed.writes.filter(([op]) => op !== 'EVENT'))
    const ending = endingIn(session, epochs)
    if (ending !== null) {
      writes.add(shard, ...endingWrites(keys, ending, epochs))
    }
    if (shards.namedBy(id) !== shard) {
      const at = shards.ofPointer(id)
      const key = shards.keysOf(at).pointer(id)
      writes.add(at, ['SET', key, pointerValue(key, shard)])
    }
    this.whereabouts.met(id, shard)
  }

  private async addOther(writes: Writes, item: Item): Promise<void> {
    const { shards } = this.store
    switch (item.kind) {
      case 'session':
        return
      case 'seal': {
        const shard = await this.shardOf(item.id)
        if (shard === undefined) {
          throw new StoreDamagedError(
            `a sealed key of session ${quoted(item.id)}, which has no record`,
          )
        }
        const key = shards.keysOf(shard).seal(item.id)
        writes.add(shard, ['SET', key, sealValue(key, item.sealed)])
        return
      }
      case 'entry':
        this.addEntry(writes, item.scope, item.entry)
        return
      case 'deadline':
        writes.add(...(await this.deadlineWrite(item.deadline)))
        return
      case 'ending': {
        const ending = attempt('an ending', () => decodeEnding(item.ending))
        // Of a session that is gone: any shard will do, and this is where readers look first.
        const shard = shards.namedBy(ending.id) ?? shards.ofPointer(ending.id)
        writes.add(shard, ...endingWrites(shards.keysOf(shard), ending, this.epochs))
      }
    }
  }

  /** With its deadline: it may have shared that of its session. */
  private addEntry(writes: Writes, scope: IdempotencyScope, encoded: Uint8Array): void {
    const { shards } = this.store
    const entry = attempt('an idempotency key', () => decodeEntry(encoded))
    const userId = ownerText(scope.owner)
    const shard = shards.ofUser(userId)
    const keys = shards.keysOf(shard)
    const key = keys.entries(userId)
    const field = entryField(scope.signer, scope.key)
    const deadline = { kind: 'idempotency', timeMs: entry.expiresTimeMs, scope } as const
    writes.add(
      shard,
      ['HSET', key, field, entryValue(key, field, entry)],
      deadlineWrite(keys, 'ZADD', deadline),
    )
  }

  private async deadlineWrite(deadline: Deadline): Promise<[number, Write]> {
    const { shards } = this.store
    if (!Number.isSafeInteger(deadline.timeMs)) {
      throw new StoreDamagedError('a deadline is not whole')
    }
    const shard =
      deadline.kind === 'idempotency'
        ? shards.ofUser(ownerText(deadline.scope.owner))
        : // That of a session which was deleted may lie in any shard.
          ((await this.shardOf(deadline.id)) ?? shards.ofPointer(deadline.id))
    return [shard, deadlineWrite(shards.keysOf(shard), 'ZADD', deadline)]
  }

  private shardOf(id: string): Promise<number | undefined> {
    return this.whereabouts.find(id, async (shard) => {
      const key = this.store.shards.keysOf(shard).record(id)
      const [record] = await this.store.functions.look(shard, [{ kind: 'record', key }])
      return valueIn(record) === undefined ? undefined : shard
    })
  }
}

/** Writes by shard. */
class Writes {
  private readonly byShard = new Map<number, Write[]>()

  add(shard: number, ...writes: Write[]): void {
    const all = this.byShard.get(shard)
    if (all === undefined) {
      this.byShard.set(shard, writes)
    } else {
      all.push(...writes)
    }
  }

  async commit({ functions }: ReadParts): Promise<void> {
    const calls = [...this.byShard].flatMap(([shard, all]) =>
      [...slicesOf(all, CALL_WRITES)].map((writes) => functions.commit(shard, [], writes)),
    )
    await Promise.all(calls)
  }
}

function isLasting({ cause }: StoreUnavailableError): boolean {
  return cause instanceof EngineError && LASTING.test(cause.code)
}
