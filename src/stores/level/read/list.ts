import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { ListQuery, SessionPage } from '../../../core/store.js'
import type { ByteLevel, Snapshot } from '../byte-level.js'
import { storeError } from '../errors.js'
import { idAfterTime, idOf, listsAt, sessionKey, TALLY_KEY } from '../layout/keys.js'
import { quoted } from '../layout/row-name.js'
import { checkedSession, storedTally } from '../layout/stored.js'
import { merge, scan, within } from './scan.js'
import { Wanted } from './wanted.js'

/** Records to decode in one turn of the event loop. */
const SLICE_RECORDS = 100
/** Keys that a list may walk for itself; for more it shares a walk with others (`shared-lists.ts`). */
const MAX_OWN_KEYS = 1000

/** The values of these keys, as of the moment that the list is of. */
export type ReadMany = (keys: Buffer[]) => Promise<(Uint8Array | undefined)[]>

/** Is told of damaged records, which are then left out of lists. */
export type OnDamaged = (problem: string) => void

/** Whether a short walk is enough for it, whatever there is. */
export function isShort({ skip, take, total }: ListQuery): boolean {
  return !total && skip + take <= MAX_OWN_KEYS
}

/**
 * One page, from one snapshot: walks index keys, and reads only the records that it returns. null where
 * that takes more than a short walk. Damaged records are thrown where there is no `onDamaged`.
 */
export async function listSessions(
  level: ByteLevel,
  query: ListQuery,
  onDamaged?: OnDamaged,
): Promise<SessionPage | null> {
  const snapshot = level.snapshot()
  try {
    const readMany: ReadMany = (keys) => level.getMany(keys, { snapshot })
    const wanted = new Wanted(query, await knownTotal(query, readMany))
    const isWalked = wanted.isDone || (await walkBriefly(level, snapshot, wanted))
    return isWalked ? await pageOf(wanted, readMany, onDamaged) : null
  } finally {
    await snapshot.close()
  }
}

/** Whether a short walk was enough. */
async function walkBriefly(level: ByteLevel, snapshot: Snapshot, wanted: Wanted): Promise<boolean> {
  const limit = Math.min(wanted.length, MAX_OWN_KEYS + 1)
  const slices = wanted.ranges
    .map((range) => scan(within(level), range, { snapshot, limit }))
    .reduce((one, other) => merge(one, other, wanted.timeOffset))
  let walked = 0
  for await (const slice of slices) {
    wanted.meet(slice)
    walked += slice.length
    if (wanted.isDone || walked > MAX_OWN_KEYS) {
      return wanted.isDone
    }
  }
  return true
}

/**
 * How many sessions a list is about, where that is known without a walk: of all that are open, whose number
 * every commit writes down.
 */
export async function knownTotal(
  { userId, active, fromTimeMs, toTimeMs, skip, total }: ListQuery,
  readMany: ReadMany,
): Promise<number | undefined> {
  const isOfAll = userId === undefined && fromTimeMs === undefined && toTimeMs === undefined
  if (!isOfAll || active !== true || (!total && skip === 0)) {
    return undefined
  }
  try {
    const [tally] = await readMany([TALLY_KEY])
    return tally && storedTally(tally).openSessions
  } catch (error) {
    if (error instanceof StoreDamagedError) {
      return undefined // They are counted.
    }
    throw error
  }
}

/** Reads the records of what was found. */
export async function pageOf(
  { keys, timeOffset, total }: Wanted,
  readMany: ReadMany,
  onDamaged?: OnDamaged,
): Promise<SessionPage> {
  const sessions: Session[] = []
  for (let i = 0; i < keys.length; i += SLICE_RECORDS) {
    const slice = keys.slice(i, i + SLICE_RECORDS)
    sessions.push(
      ...(onDamaged === undefined
        ? await readSessions(slice, timeOffset, readMany)
        : await readableSessions(slice, timeOffset, readMany, onDamaged)),
    )
  }
  return { sessions, total }
}

/**
 * The sessions to which keys of a list led. Throws StoreDamagedError where one is not there, or not what its key says: of
 * keys alone no checksum is read.
 */
export async function readSessions(
  keys: readonly Buffer[],
  timeOffset: number,
  readMany: ReadMany,
): Promise<Session[]> {
  const recordKeys = keys.map((key) => sessionKey(idAfterTime(key, timeOffset)))
  const records = await readMany(recordKeys)
  return records.map((record, i) => {
    const recordKey = recordKeys[i] as Buffer
    if (record === undefined) {
      throw new StoreDamagedError(
        `a list names session ${quoted(idOf(recordKey))}, which has no record`,
      )
    }
    const session = checkedSession(recordKey, record)
    if (!listsAt(keys[i] as Buffer, timeOffset, session)) {
      throw new StoreDamagedError(
        `a list names session ${quoted(session.id)} where it does not stand`,
      )
    }
    return session
  })
}

/** Those of the sessions that can be read. */
export async function readableSessions(
  keys: readonly Buffer[],
  timeOffset: number,
  readMany: ReadMany,
  onDamaged: OnDamaged,
): Promise<Session[]> {
  try {
    return await readSessions(keys, timeOffset, readMany)
  } catch (cause) {
    const error = storeError('a read failed', cause)
    if (!(error instanceof StoreDamagedError)) {
      throw error
    }
    if (keys.length === 1) {
      onDamaged(error.message)
      return []
    }
  }
  const found: Session[] = []
  for (const key of keys) {
    found.push(...(await readableSessions([key], timeOffset, readMany, onDamaged)))
  }
  return found
}
