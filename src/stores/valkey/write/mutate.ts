import type { Session } from '../../../core/session.js'
import type { RemoveOptions, Update, WriteOptions } from '../../../core/store.js'
import { sessionLock, userLock } from '../../locks.js'
import type { Reply } from '../connection/reply.js'
import { openDelta } from '../known.js'
import { deadlineWrite, sweepWrites } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'
import { type Found, foundIn, lookUp, remembered } from '../read/lookup.js'
import { commitChanges, confirm, kept, recordAs, untilCommitted } from './commit.js'
import { settleSession } from './settle.js'

/** `SessionStore.update`. */
export async function updateSession(
  parts: StoreParts,
  id: string,
  change: (current: Session) => Update | null,
  options: WriteOptions,
): Promise<Session | undefined> {
  const decide = (before: Session) => {
    const update = change(before)
    return update && { after: kept(update.session), sweepAtMs: update.sweepAtMs }
  }
  const { before, after } = await mutate(parts, id, decide, options)
  return after ?? before
}

/** `SessionStore.remove`. */
export async function removeSession(
  parts: StoreParts,
  id: string,
  check: (current: Session) => boolean,
  options: RemoveOptions,
): Promise<Session | undefined> {
  const decide = (before: Session) => (check(before) ? { after: null, sweepAtMs: undefined } : null)
  const { before, after } = await mutate(parts, id, decide, options)
  return after === null ? before : undefined
}

/** What becomes of a session. */
interface Outcome {
  /** null deletes it. */
  readonly after: Session | null
  readonly sweepAtMs: number | undefined
}

interface Mutated {
  readonly before?: Session
  /** undefined: it stays as it was. */
  readonly after?: Session | null | undefined
}

type Decide = (before: Session) => Outcome | null

/**
 * Changes a session as `decide` says. Decides on what this server saw last, and the engine compares. Where it was otherwise,
 * or nothing is to change, it decides on what is there now. Takes only the session's lock first: the user's is needed only if
 * the user's count changes.
 */
async function mutate(
  parts: StoreParts,
  id: string,
  decide: Decide,
  options: RemoveOptions,
): Promise<Mutated> {
  const { locks } = parts
  const outcome = await locks.hold([sessionLock(id)], () => attempts(parts, id, decide, options))
  if (!('userId' in outcome)) {
    return outcome
  }
  const { userId } = outcome
  return locks.hold([userLock(userId), sessionLock(id)], () =>
    attempts(parts, id, decide, options, userId),
  ) as Promise<Mutated>
}

/** `lockedUserId`: whose lock is held. Returns whose lock is needed, if it is another. */
async function attempts(
  parts: StoreParts,
  id: string,
  decide: Decide,
  options: RemoveOptions,
  lockedUserId?: string,
): Promise<Mutated | { readonly userId: string }> {
  const { settles, removal } = options
  let isCurrent = false
  let found = remembered(parts, id)
  const read = async () => {
    found = await lookUp(parts, id)
    isCurrent = true
  }
  if (found === undefined) {
    await read()
  }
  return untilCommitted<Mutated | { readonly userId: string }>(async () => {
    if (found === undefined) {
      await (settles && settleSession(parts, settles))
      return { done: {} }
    }
    const { session: before, shard, stored } = found
    const keys = parts.shards.keysOf(shard)
    let outcome: Outcome | null
    try {
      outcome = decide(before)
    } catch (error) {
      if (isCurrent) {
        throw error
      }
      await read()
      return undefined
    }
    let answers: readonly Reply[] | null
    if (outcome === null) {
      if (!isCurrent && isUnconfirmed(options)) {
        await read()
        return undefined
      }
      answers = await leave(parts, found, options)
    } else {
      const { after, sweepAtMs } = outcome
      const change = { before, after, ...(removal && { removal }) }
      if (openDelta(change) !== 0 && before.userId !== lockedUserId) {
        return { done: { userId: before.userId } }
      }
      const settled = settles ? [deadlineWrite(keys, 'ZREM', settles)] : []
      const writes = [...settled, ...sweepWrites(keys, id, sweepAtMs)]
      const changes = [{ ...change, stored }]
      const isDurable = options.durable ?? true
      answers = await commitChanges(parts, { shard, changes, writes, isDurable })
      if (answers === null && after === null && settles !== undefined) {
        await parts.whereabouts.unpoint(id, shard)
      }
    }
    if (answers === null) {
      return { done: { before, after: outcome?.after } }
    }
    found = foundIn(parts, shard, id, answers[0])
    isCurrent = true
    return undefined
  })
}

/**
 * The session stays as it was found, which the engine compares. Returns null once what the caller is shown is durable;
 * otherwise how the record is now.
 */
async function leave(
  parts: StoreParts,
  found: Found,
  options: RemoveOptions,
): Promise<readonly Reply[] | null> {
  if (isUnconfirmed(options)) {
    return null
  }
  const { shard } = found
  const { settles } = options
  const shown = [recordAs(parts, found)]
  return settles === undefined
    ? confirm(parts, shard, shown)
    : parts.functions.commit(shard, shown, [
        deadlineWrite(parts.shards.keysOf(shard), 'ZREM', settles),
      ])
}

/** Whether nothing is written where the session stays as it was: what the caller is shown may be lost. */
function isUnconfirmed({ durable, settles }: RemoveOptions): boolean {
  return durable === false && settles === undefined
}
