import { setTimeout as sleep } from 'node:timers/promises'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreUnavailableError } from '../../../core/errors.js'
import type { SessionChange } from '../../../core/events.js'
import type { Session } from '../../../core/session.js'
import type { Reply } from '../connection/reply.js'
import type { Teller } from '../events/teller.js'
import type { Expectation, Write } from '../functions/call.js'
import { type KnownRecord, openDelta } from '../known.js'
import type { ShardKeys } from '../layout/keys.js'
import { markValue, NO_VERSION, versionAfter, versionOf } from '../layout/values.js'
import { changeWrites } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'

/** How often a write decides anew because another server was faster. One of those that compete always succeeds. */
const MAX_ATTEMPTS = 100
/** From then on they leave each other room. */
const EAGER_ATTEMPTS = 4
const MAX_PAUSE_MS = 20

/** A change of a session. */
export interface RecordChange extends SessionChange {
  /** The record as it was; undefined if there was none. */
  readonly stored: Buffer | undefined
}

/** What a write changes, and what it relies on. */
export interface Commit {
  readonly shard: number
  /** In their order. */
  readonly changes: readonly RecordChange[]
  /** Beside the records as they were. */
  readonly expectations?: readonly Expectation[]
  /** Beside those of the changes. */
  readonly writes?: readonly Write[]
  /** false: they may be lost with their master (default true). */
  readonly isDurable?: boolean
}

/**
 * Commits changes of sessions, unless anything is not as expected, and tells the listeners. Returns null once they are durable;
 * otherwise the answers as they are now: those for the records, then those for the expectations.
 */
export async function commitChanges(
  parts: StoreParts,
  { shard, changes, expectations = [], writes = [], isDurable }: Commit,
): Promise<readonly Reply[] | null> {
  const { counts, functions, info, known, others, shards, teller } = parts
  const keys = shards.keysOf(shard)
  const written = changes.map((change) => writtenBy(keys, change, teller, info.epochs))
  const delta = changes.reduce((sum, change) => sum + openDelta(change), 0)
  // From the decision on, so without waiting before it.
  const end = delta === 0 ? () => {} : counts.begin(shard, delta)
  const tellEnds = written
    .filter(({ writes }) => writes.length > 0)
    .map(({ id, version }) => others.begin(shard, id, version))
  let answers: readonly Reply[] | null
  try {
    await pointTo(parts, shard, changes)
    answers = await functions.commit(
      shard,
      [...written.map(({ expectation }) => expectation), ...expectations],
      [...written.flatMap((one) => one.writes), ...writes],
      isDurable,
    )
  } catch (error) {
    // Perhaps they were committed all the same.
    end(false)
    for (const change of changes) {
      known.changed(keys, change)
    }
    for (const tellEnd of tellEnds) {
      tellEnd()
    }
    throw error
  }
  end(answers === null)
  for (const tellEnd of tellEnds) {
    tellEnd(answers === null)
  }
  if (answers === null) {
    for (const { id, change, version, stored } of written) {
      known.changed(keys, change, stored === undefined ? undefined : { shard, stored })
      teller.own(id, change, version)
    }
  }
  return answers
}

function writtenBy(
  keys: ShardKeys,
  { stored, ...change }: RecordChange,
  teller: Teller,
  epochs: EpochSettings,
) {
  const { before, after } = change
  const { id } = (after ?? before) as Session
  const brief = versionOf(stored)
  const expectation: Expectation = { kind: 'record', key: keys.record(id), brief }
  if (after === before) {
    // Only deadlines change.
    return { id, change, expectation, version: NO_VERSION, writes: [], stored }
  }
  const version = versionAfter(brief, teller.lastTold(id))
  return { id, change, expectation, version, ...changeWrites(keys, change, version, epochs) }
}

/** Before a session whose id does not name its shard is written there. */
async function pointTo(
  { shards, whereabouts }: StoreParts,
  shard: number,
  changes: readonly SessionChange[],
): Promise<void> {
  for (const { before, after } of changes) {
    if (before === null && after !== null && shards.namedBy(after.id) !== shard) {
      await whereabouts.point(after.id, shard)
    }
  }
}

/** Writes that change no session. Returns false if anything is not as expected: nothing is written then. */
export async function commitAside(
  { functions }: StoreParts,
  shard: number,
  writes: readonly Write[],
  expectations: readonly Expectation[] = [],
): Promise<boolean> {
  return (await functions.commit(shard, expectations, writes)) === null
}

/**
 * Resolves with null once it is durable that everything is as it was `shown`; otherwise with the answers as they are now. An
 * answer that tells of an earlier write, such as that a session is closed already, is as good as the write itself. A read alone
 * is not: the write that it shows may be lost with the master, and a master that was replaced may not know of it yet.
 */
export function confirm(
  { functions, shards }: Pick<StoreParts, 'functions' | 'shards'>,
  shard: number,
  shown: readonly Expectation[],
): Promise<readonly Reply[] | null> {
  const key = shards.keysOf(shard).mark
  // The engine waits for what this connection wrote, and for all that was written before.
  return functions.commit(shard, shown, [['SET', key, markValue(key)]])
}

/** That the record of a session is as it was found. */
export function recordAs(
  { shards }: Pick<StoreParts, 'shards'>,
  { session, shard, stored }: KnownRecord & { readonly session: Pick<Session, 'id'> },
): Expectation {
  return {
    kind: 'record',
    key: shards.keysOf(shard).record(session.id),
    brief: versionOf(stored),
  }
}

/** The session as it is kept: without `user` and `data` once it has ended. */
export function kept(session: Session): Session {
  const isBare = session.active || (session.user === null && session.data === null)
  return isBare ? session : { ...session, user: null, data: null }
}

/**
 * Calls `attempt` until it returns something: each time it finds that another server was faster, it returns undefined.
 * Throws StoreUnavailableError where that does not end.
 */
export async function untilCommitted<T>(
  attempt: () => Promise<{ readonly done: T } | undefined>,
): Promise<T> {
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const outcome = await attempt()
    if (outcome !== undefined) {
      return outcome.done
    }
    if (attempts >= EAGER_ATTEMPTS) {
      await sleep(Math.random() * MAX_PAUSE_MS)
    }
  }
  throw new StoreUnavailableError('other servers change the same session all the time')
}
