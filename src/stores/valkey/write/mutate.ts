import type { Session } from '../../../core/session.js'
import type { RemoveOptions, SessionDeadline, Update, WriteOptions } from '../../../core/store.js'
import { sessionLock, userLock } from '../../locks.js'
import type { Write } from '../functions/call.js'
import { openDelta } from '../known.js'
import type { ShardKeys } from '../layout/keys.js'
import { readRecord } from '../layout/values.js'
import { deadlineWrite, sweepWrites } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'
import { type Found, foundIn, lookUp } from '../read/lookup.js'
import { commitAside, commitChanges, confirm, kept, untilCommitted } from './commit.js'
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
  readonly after?: Session | null
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
  { settles, durable, removal }: RemoveOptions,
  lockedUserId?: string,
): Promise<Mutated | { readonly userId: string }> {
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
    if (outcome === null) {
      if (!isCurrent) {
        await read()
        return undefined
      }
      await leave(parts, shard, settledWrites(keys, settles), durable)
      return { done: { before } }
    }
    const { after, sweepAtMs } = outcome
    const change = { before, after, ...(removal && { removal }) }
    if (openDelta(change) !== 0 && before.userId !== lockedUserId) {
      return { done: { userId: before.userId } }
    }
    const writes = [...settledWrites(keys, settles), ...sweepWrites(keys, id, sweepAtMs)]
    const changes = [{ ...change, stored }]
    const answers = await commitChanges(parts, { shard, changes, writes })
    if (answers === null) {
      if (after === null && settles !== undefined) {
        await parts.whereabouts.unpoint(id, shard)
      }
      return { done: { before, after } }
    }
    found = foundIn(parts, shard, id, answers[0])
    isCurrent = true
    return undefined
  })
}

function remembered({ known, shards }: StoreParts, id: string): Found | undefined {
  const record = known.record(id)
  return (
    record && {
      ...record,
      session: readRecord(shards.keysOf(record.shard).record(id), id, record.stored),
    }
  )
}

function settledWrites(keys: ShardKeys, settles: SessionDeadline | undefined): Write[] {
  return settles ? [deadlineWrite(keys, 'ZREM', settles)] : []
}

/** The session stays as it is. What the caller was shown of it must be durable, unless nothing needs to be. */
async function leave(
  parts: StoreParts,
  shard: number,
  writes: readonly Write[],
  durable = true,
): Promise<void> {
  if (writes.length > 0) {
    await commitAside(parts, shard, writes)
  } else if (durable) {
    await confirm(parts, shard)
  }
}
