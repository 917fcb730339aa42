import { deadlineOfEnding, endingOf } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import type { SessionChange } from '../../../core/events.js'
import type { Session, SessionEnding } from '../../../core/session.js'
import type { Deadline, IdempotencyScope, NewSession } from '../../../core/store.js'
import type { Write } from '../functions/call.js'
import { isOpened, newestFirst, type ShardKeys } from './keys.js'
import {
  deadlineMember,
  endingValue,
  entryField,
  entryValue,
  recordValue,
  sealValue,
} from './values.js'

/**
 * What a change writes: the event, record, lists, what is opened at its place, seal and ending of a session that ends.
 */
export function changeWrites(
  keys: ShardKeys,
  change: SessionChange,
  version: Buffer,
  epochs: EpochSettings,
): { readonly writes: Write[]; readonly stored: Buffer | undefined } {
  const { before, after } = change
  const { id } = (after ?? before) as Session
  const writes: Write[] = [['EVENT', keys.events, id, version]]
  let stored: Buffer | undefined
  if (after === null) {
    writes.push(['DEL', keys.record(id)])
  } else {
    stored = recordValue(keys.record(id), after, version)
    writes.push(['SET', keys.record(id), stored])
  }
  writes.push(...listWrites(keys, before, after))
  writes.push(...openedWrites(keys, before, after))
  if (before?.active && before.token !== null && !after?.active) {
    writes.push(['DEL', keys.seal(id)])
  }
  const ending = endingOf(change, epochs)
  if (ending !== null) {
    writes.push(...endingWrites(keys, ending, epochs))
  }
  return { writes, stored }
}

/** An ending, behind all of its shard, and the deadline at which it is forgotten. */
export function endingWrites(
  keys: ShardKeys,
  ending: SessionEnding,
  epochs: EpochSettings,
): Write[] {
  const { id } = ending
  return [
    ['HSET', keys.endings, id, endingValue(keys.endings, ending)],
    ['APPEND', keys.endingOrder, id],
    deadlineWrite(keys, 'ZADD', deadlineOfEnding(ending, epochs)),
  ]
}

function listWrites(keys: ShardKeys, before: Session | null, after: Session | null): Write[] {
  if (before?.active === after?.active && before?.requestTimeMs === after?.requestTimeMs) {
    return []
  }
  const writes: Write[] = []
  if (before !== null && before.active !== after?.active) {
    for (const key of listKeys(keys, before)) {
      writes.push(['ZREM', key, before.id])
    }
  }
  if (after !== null) {
    for (const key of listKeys(keys, after)) {
      writes.push(['ZADD', key, newestFirst(after.requestTimeMs), after.id])
    }
  }
  return writes
}

function listKeys(keys: ShardKeys, { userId, active }: Session): [string, string] {
  return [keys.list(active), keys.listOfUser(userId, active)]
}

function openedWrites(keys: ShardKeys, before: Session | null, after: Session | null): Write[] {
  const session = after ?? before
  if (session === null || isOpened(before) === isOpened(after)) {
    return []
  }
  const { id, userId, address, client, openTimeMs } = session
  const key = keys.opened(userId, address, client)
  return isOpened(after) ? [['ZADD', key, newestFirst(openTimeMs), id]] : [['ZREM', key, id]]
}

/** What a new session writes beside itself: its seal, deadline and idempotency entry. */
export function insertWrites(
  keys: ShardKeys,
  { session, seal, sweepAtMs, idempotency }: NewSession,
  scope: IdempotencyScope | undefined,
): Write[] {
  const { id, userId, active } = session
  const writes = sweepWrites(keys, id, sweepAtMs)
  if (seal !== undefined && active) {
    writes.push(['SET', keys.seal(id), sealValue(keys.seal(id), seal)])
  }
  if (idempotency !== undefined && scope !== undefined) {
    const key = keys.entries(userId)
    const field = entryField(scope.signer, scope.key)
    const deadline = { kind: 'idempotency', timeMs: idempotency.expiresTimeMs, scope } as const
    writes.push(
      ['HSET', key, field, entryValue(key, field, { ...idempotency, sessionId: id })],
      deadlineWrite(keys, 'ZADD', deadline),
    )
  }
  return writes
}

/** The next look of the sweep; nothing without one. */
export function sweepWrites(keys: ShardKeys, id: string, timeMs: number | undefined): Write[] {
  return timeMs === undefined ? [] : [deadlineWrite(keys, 'ZADD', { kind: 'session', timeMs, id })]
}

/** Arms a deadline, or settles it. */
export function deadlineWrite(keys: ShardKeys, op: 'ZADD' | 'ZREM', deadline: Deadline): Write {
  const key = keys.deadlines
  const member = deadlineMember(key, deadline)
  return op === 'ZADD' ? [op, key, `${deadline.timeMs}`, member] : [op, key, member]
}
