import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreLockedError, StoreMismatchError } from '../../../core/errors.js'
import { valueIn, wholeNumberOf } from '../connection/reply.js'
import type { Functions } from '../functions/functions.js'
import { fillingValue, type Progress, readFilling } from '../layout/filling-mark.js'
import { infoValue, newInfo } from '../layout/info.js'
import { FILLING_KEY, INFO_KEY } from '../layout/keys.js'
import type { Shards } from '../layout/shards.js'
import { NO_VERSION } from '../layout/values.js'
import { deleteAll } from './keyspace.js'

const LEASE_MS = 5000
const RENEW_MS = 1500
const RETRY_MS = 500

const NOTHING: Progress = { items: 0, sha256: '' }

/**
 * A store that is being filled by a restore or a migration. Until that is done it has a mark in place of the facts about the
 * store: servers refuse it, and a second run finds what the first one left.
 */
export class Filling {
  private renewal: NodeJS.Timeout | undefined
  private readonly name = randomBytes(8).toString('hex')
  private stored: Buffer = NO_VERSION
  private earlier: Progress = NOTHING

  private constructor(
    private readonly functions: Functions,
    private readonly shards: Shards,
    private readonly source: string | null,
    private readonly location: string,
  ) {}

  /**
   * Marks an empty store, or takes over what an earlier run of the same source left; what an interrupted restore left is
   * deleted. Throws StoreMismatchError, StoreLockedError, StoreDamagedError and StoreUnavailableError.
   */
  static async begin(
    functions: Functions,
    shards: Shards,
    source: string | null,
    location: string,
  ): Promise<Filling> {
    const filling = new Filling(functions, shards, source, location)
    try {
      await filling.expectNoStore()
      await filling.lock()
      // Another run may have made it while this one waited.
      await filling.expectNoStore()
      await filling.mark()
      return filling
    } catch (error) {
      await filling.release()
      throw error
    }
  }

  /** What an earlier run left. */
  get progress(): Progress {
    return this.earlier
  }

  /** Call it when these items are written. */
  async reached(progress: Progress): Promise<void> {
    const next = fillingValue({ source: this.source, ...progress }, this.name)
    await this.replaceMark([['SET', FILLING_KEY, next]])
    this.stored = next
  }

  /** Throws StoreMismatchError where another run has taken over, or there is a store now. */
  expectOwn(): Promise<void> {
    return this.replaceMark([])
  }

  /** Makes it a store. */
  async finish(epochs: EpochSettings): Promise<void> {
    const info = infoValue(newInfo(epochs, this.shards.count))
    await this.replaceMark([
      ['SET', INFO_KEY, info],
      ['DEL', FILLING_KEY],
    ])
  }

  /** Deletes everything, so that it is empty again; nothing where `expectOwn` throws. */
  async abandon(): Promise<void> {
    await this.expectOwn()
    await deleteAll(this.functions.cluster, this.shards)
    await this.replaceMark([['DEL', FILLING_KEY]])
  }

  /** Lets others go on. */
  async release(): Promise<void> {
    clearInterval(this.renewal)
    // If it cannot be dropped, it ends by itself.
    await this.withLease(['DEL', this.lease]).catch(() => {})
  }

  /** Sends a command if the lease is this run's, not one that it waits for. */
  private async withLease(command: readonly string[]): Promise<void> {
    const { cluster } = this.functions
    const [owner] = await cluster.command(0, [['GET', this.lease]])
    if (Buffer.isBuffer(owner) && owner.toString() === this.name) {
      await cluster.command(0, [command])
    }
  }

  private get lease(): string {
    return this.shards.keysOf(0).lease
  }

  private async expectNoStore(): Promise<void> {
    const [info] = await this.functions.look(0, [{ kind: 'value', key: INFO_KEY }])
    if (valueIn(info) !== undefined) {
      throw new StoreMismatchError(
        `${this.location} already holds a store: give an empty engine, or delete the store's keys, {sd:*`,
      )
    }
  }

  /** Waits until the lease of a run that was killed ends. */
  private async lock(): Promise<void> {
    const untilMs = performance.now() + LEASE_MS + 2 * RETRY_MS
    while (!(await this.tryLock())) {
      if (performance.now() > untilMs) {
        throw new StoreLockedError(this.location)
      }
      await sleep(RETRY_MS)
    }
    const renew = () => void this.withLease(['PEXPIRE', this.lease, `${LEASE_MS}`]).catch(() => {})
    this.renewal = setInterval(renew, RENEW_MS).unref()
  }

  private async tryLock(): Promise<boolean> {
    const set = ['SET', this.lease, this.name, 'NX', 'PX', `${LEASE_MS}`]
    return (await this.functions.cluster.command(0, [set]))[0] !== null
  }

  private async mark(): Promise<void> {
    const { functions, location, source } = this
    const [reply] = await functions.look(0, [{ kind: 'value', key: FILLING_KEY }])
    const stored = valueIn(reply)
    if (stored === undefined) {
      await this.expectEmpty()
      await this.reached(NOTHING)
      return
    }
    this.stored = Buffer.from(stored)
    const mark = readFilling(this.stored, location)
    if (mark.source !== source) {
      const what = mark.source === null ? 'restore' : `migration from ${mark.source}`
      throw new StoreMismatchError(
        `${location} holds what an unfinished ${what} left: run that again, or delete the store's keys, {sd:*`,
      )
    }
    // From here on the earlier run is refused, should it still be there.
    await this.reached(source === null ? NOTHING : mark)
    if (source === null) {
      await deleteAll(functions.cluster, this.shards)
    } else {
      this.earlier = mark
    }
  }

  private async expectEmpty(): Promise<void> {
    const { functions, location, shards } = this
    const counts = await Promise.all(
      Array.from(shards, async (shard) => {
        const keys = shards.keysOf(shard)
        const lists = [keys.list(true), keys.list(false), keys.deadlines]
        const questions = lists.map((key) => ({ kind: 'count' as const, key }))
        return (await functions.look(shard, questions)).map(wholeNumberOf)
      }),
    )
    if (counts.flat().some((count) => count > 0)) {
      throw new StoreMismatchError(
        `${location} holds sessions, but not the facts about their store: give an empty engine, or delete the keys {sd:*`,
      )
    }
  }

  /** Throws StoreMismatchError if another run has changed the mark. */
  private async replaceMark(writes: Parameters<Functions['commit']>[2]): Promise<void> {
    const expected = [
      { kind: 'value', key: FILLING_KEY, brief: this.stored },
      { kind: 'value', key: INFO_KEY, brief: '' },
    ] as const
    if ((await this.functions.commit(0, expected, writes)) !== null) {
      throw new StoreMismatchError(`${this.location}: another restore or migration has taken over`)
    }
  }
}
