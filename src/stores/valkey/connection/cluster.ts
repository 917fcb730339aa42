import { randomBytes } from 'node:crypto'
import { StoreUnavailableError } from '../../../core/errors.js'
import type { Arg, Command, Reply } from './reply.js'
import type { CallKind } from './routed-call.js'
import { Router, type RouterSettings } from './router.js'
import { slotsOfShards } from './slots.js'
import { Subscriptions } from './subscriptions.js'

const SENDER_BYTES = 6

export interface ClusterSettings extends Omit<RouterSettings, 'sender'> {
  /** The number of shards of the store. */
  readonly shards: number
}

/**
 * A cluster, or a single server, as the store uses it. Whatever cannot be done throws StoreUnavailableError within the
 * timeout; of a write the outcome is then unknown. What a function of ours answers with an error throws EngineError.
 *
 * Buffers in replies are slices of what a connection received: copy what is kept.
 */
export interface Cluster {
  readonly shards: number

  /** The address of the shard's master; undefined while none is known. */
  masterOf(shard: number): string | undefined

  /**
   * Calls a function on the shard's master. Resolves with its reply once the write is synced there and as many replicas as
   * `--store-replicas` says have received it; with `isConfirmed` false they are not waited for. It is sent again only where it
   * was certainly not executed. `channel`: that of the shard, where other servers are told of it.
   */
  write(
    shard: number,
    name: string,
    keys: readonly string[],
    args: readonly Arg[],
    how?: { readonly isConfirmed?: boolean; readonly channel?: string | undefined },
  ): Promise<Reply>

  /** The same for a function that only reads: no replica is waited for, and it may run more than once. */
  read(shard: number, name: string, keys: readonly string[], args: readonly Arg[]): Promise<Reply>

  /** The shards of each master. Of those without one no master is known. */
  byMaster(shards: Iterable<number>): readonly (readonly number[])[]

  /** `read` once for several shards of one master. Keys are among the arguments, since declared ones must lie in one shard. */
  readSeveral(shards: readonly number[], name: string, args: readonly Arg[]): Promise<Reply>

  /** Commands on the shard's master, sent together. No replica is waited for, and they may run more than once. */
  command(shard: number, commands: readonly Command[]): Promise<Reply[]>

  /** The same commands on every master, for what is not in a shard. */
  onMasters(commands: readonly Command[]): Promise<ReadonlyMap<string, Reply[]>>

  /**
   * Calls `onWake(shard)` when a message of another server comes on the shard's channel, and whenever some may have been missed. Calls
   * `onNewMaster` when a replica has taken over, perhaps, which may lack what its master showed: from then on no read is answered
   * by that one. Returns what ends it.
   */
  subscribe(
    channelOf: (shard: number) => string,
    onWake: (shard: number) => void,
    onNewMaster?: () => void,
  ): () => void

  close(): Promise<void>
}

/** Connects to the engine. Throws StoreUnavailableError where no node tells which are the masters. */
export async function openCluster(given: ClusterSettings): Promise<Cluster> {
  const { shards } = given
  const settings = { ...given, sender: randomBytes(SENDER_BYTES).toString('base64url') }
  const slots = slotsOfShards(shards)
  const slotOf = (shard: number) => slots[shard] as number
  const onNewMaster = new Set<() => void>()
  const router = new Router(settings, () => {
    for (const tell of onNewMaster) {
      tell()
    }
  })
  try {
    await router.start()
  } catch (error) {
    await router.close()
    throw new StoreUnavailableError(
      `the engine does not answer: ${(error as Error).message}`,
      error,
    )
  }
  const call = (
    kind: CallKind,
    [shard, name, keys, args]: Readonly<Parameters<Cluster['read']>>,
    channel?: string,
  ): Promise<Reply> => {
    const command = ['FCALL', name, `${keys.length}`, ...keys, ...args]
    return router.call(slotOf(shard), kind, command, { channel })
  }
  const subscriptions = new Set<Subscriptions>()
  return {
    shards,
    masterOf: (shard) => router.masterOf(slotOf(shard)),
    write: (shard, name, keys, args, { isConfirmed = true, channel } = {}) =>
      call(isConfirmed ? 'write' : 'unconfirmed', [shard, name, keys, args], channel),
    read: (...asked) => call('read', asked),
    byMaster(asked) {
      const groups = new Map<string | undefined, number[]>()
      for (const shard of asked) {
        const master = router.masterOf(slotOf(shard))
        const group = groups.get(master)
        if (group === undefined) {
          groups.set(master, [shard])
        } else {
          group.push(shard)
        }
      }
      return [...groups.values()]
    },
    readSeveral: ([shard = 0], name, args) => call('read', [shard, name, [], args]),
    command: (shard, commands) =>
      Promise.all(commands.map((command) => router.call(slotOf(shard), 'read', command))),
    onMasters: (commands) => router.onMasters(commands),
    subscribe(channelOf, onWake, tellNewMaster = () => {}) {
      const channels = slots.map((slot, shard) => ({ name: channelOf(shard), shard, slot }))
      const listening = new Subscriptions(settings, router, channels, onWake)
      subscriptions.add(listening)
      onNewMaster.add(tellNewMaster)
      return () => {
        onNewMaster.delete(tellNewMaster)
        subscriptions.delete(listening)
        listening.close()
      }
    },
    async close() {
      for (const listening of subscriptions) {
        listening.close()
      }
      await router.close()
    },
  }
}
