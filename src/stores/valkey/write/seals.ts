import { StoreUnavailableError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { ChangeSeal } from '../../../core/store.js'
import { sessionLock } from '../../locks.js'
import { EngineError, valueIn } from '../connection/reply.js'
import { readSeal, sealValue, versionOf } from '../layout/values.js'
import type { StoreParts } from '../parts.js'
import { foundIn } from '../read/lookup.js'
import { commitAside, untilCommitted } from './commit.js'

/** Replaces seals, and has the engine forget the old ones. */
export class Seals {
  /** Whether the engine's log may contain seals that this server replaced, or deleted with their sessions. */
  private hasOld = false

  constructor(private readonly parts: StoreParts) {}

  /** `SessionStore.reseal`. */
  async reseal(id: string, change: ChangeSeal): Promise<void> {
    const { locks, whereabouts } = this.parts
    await locks.hold([sessionLock(id)], () =>
      untilCommitted(async () => {
        const isDone = await whereabouts.find(id, (shard) => attempt(this.parts, shard, id, change))
        return isDone === false ? undefined : { done: undefined }
      }),
    )
    this.hasOld = true
  }

  /** A session was removed, perhaps with a seal. */
  removed(session: Session | undefined): void {
    this.hasOld ||= session?.active === true && session.token !== null
  }

  /**
   * `SessionStore.compactSeals`. Masters rewrite their logs as they are now. The seals of sessions that ended go with the
   * rewrites that the engine begins by itself, and so do those in the logs of replicas.
   */
  async compact(): Promise<void> {
    if (!this.hasOld) {
      return
    }
    // What is deleted from now on may be in the logs that masters are about to write.
    this.hasOld = false
    try {
      await this.parts.functions.cluster.onMasters([['BGREWRITEAOF']])
    } catch (error) {
      // It may just be at it, or leave that to its operators alone. The next call asks again.
      this.hasOld = true
      const reason = error instanceof StoreUnavailableError ? error.cause : error
      if (!(reason instanceof EngineError)) {
        throw error
      }
    }
  }
}

/** undefined: there is no such session in this shard. false: it changed meanwhile. */
async function attempt(
  parts: StoreParts,
  shard: number,
  id: string,
  change: ChangeSeal,
): Promise<boolean | undefined> {
  const keys = parts.shards.keysOf(shard)
  const [recordKey, sealKey] = [keys.record(id), keys.seal(id)]
  const [record, seal] = await parts.functions.look(shard, [
    { kind: 'record', key: recordKey },
    { kind: 'value', key: sealKey },
  ])
  const found = foundIn(parts, shard, id, record)
  const sealed = valueIn(seal)
  if (found === undefined || sealed === undefined) {
    return found && true
  }
  const changed = await change(found.session, readSeal(sealKey, id, sealed))
  return (
    changed === null ||
    commitAside(
      parts,
      shard,
      [['SET', sealKey, sealValue(sealKey, changed)]],
      [
        { kind: 'record', key: recordKey, brief: versionOf(found.stored) },
        { kind: 'value', key: sealKey, brief: sealed },
      ],
    )
  )
}
