import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { ListQuery, SessionPage } from '../../../core/store.js'
import { quoted } from '../../rows/record.js'
import type { ByteLevel, Snapshot } from '../byte-level.js'
import { storeError } from '../errors.js'
import { idAfterTime, idOf, listsAt, sessionKey, TALLY_KEY } from '../layout/keys.js'
import { checkedSession, storedTally } from '../layout/stored.js'
import type { Places } from './places.js'
import { firstKeys, mergeKeys } from './scan.js'
import { rangesOf, Wanted } from './wanted.js'

/** Records to decode in one turn of the event loop. */
const SLICE_RECORDS = 100
/** The most keys that a list walks by itself. Beyond that it shares a walk with others (`shared-lists.ts`). */
const MAX_OWN_KEYS = 1000

/** Reads the values of keys from the list's snapshot. */
export type ReadMany = (keys: Buffer[]) => Promise<(Uint8Array | undefined)[]>

/** Receives a line for each damaged record, which lists then skip. */
export type OnDamaged = (problem: string) => void

/** Whether a short walk suffices, whatever the store contains. */
export function isShort({ skip, take, total }: ListQuery): boolean {
  return !total && skip + take <= MAX_OWN_KEYS
}

/**
 * One page from one snapshot: walks index keys, and reads only the records that it returns. null if that takes more
 * than a short walk. Throws StoreDamagedError for a damaged record, unless there is an `onDamaged`.
 */
export async function listSessions(
  level: ByteLevel,
  query: ListQuery,
  places: Places,
  onDamaged?: OnDamaged,
): Promise<SessionPage | null> {
  const snapshot = level.snapshot()
  try {
    const readMany: ReadMany = (keys) => level.getMany(keys, { snapshot })
    const known = await knownTotal(query, readMany)
    const total = known ?? (query.total ? await countBriefly(level, snapshot, query) : undefined)
    if (total === null) {
      return null
    }
    const wanted = new Wanted(query, total)
    const isWalked = wanted.isDone || (await walkBriefly(level, snapshot, wanted, places))
    return isWalked ? await pageOf(wanted, readMany, onDamaged) : null
  } finally {
    await snapshot.close()
  }
}

/** How many sessions match; null if they are too many for a short walk. */
async function countBriefly(
  level: ByteLevel,
  snapshot: Snapshot,
  query: ListQuery,
): Promise<number | null> {
  let total = 0
  for (const { gte, lt } of rangesOf(query)) {
    total += await level.count({ gte, lt, snapshot, limit: MAX_OWN_KEYS + 1 })
    if (total > MAX_OWN_KEYS) {
      return null
    }
  }
  return total
}

/** Whether a short walk sufficed. */
async function walkBriefly(
  level: ByteLevel,
  snapshot: Snapshot,
  wanted: Wanted,
  places: Places,
): Promise<boolean> {
  const isNear = wanted.length <= MAX_OWN_KEYS
  const near = isNear ? await places.keysOf(level, snapshot, wanted) : undefined
  if (near !== undefined) {
    wanted.keys.push(...near)
    places.remember(wanted)
    return true
  }
  const limit = Math.min(wanted.length, MAX_OWN_KEYS + 1)
  let keys: Buffer[] = []
  for (const range of wanted.ranges) {
    if (keys.length > MAX_OWN_KEYS) {
      return false
    }
    const { gte, lt } = range
    const found = await firstKeys(level, { gte, lt, snapshot, limit })
    keys = mergeKeys(keys, found, wanted.timeOffset)
  }
  wanted.meet(keys)
  places.remember(wanted)
  return wanted.isDone || keys.length <= MAX_OWN_KEYS
}

/**
 * How many sessions match, if that is known without a walk. It is for all open sessions: every commit writes their number.
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
      return undefined // The walk counts them.
    }
    throw error
  }
}

/** Reads the records of the page. */
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
 * The sessions of these index keys. Throws StoreDamagedError if a record is missing or does not match its key: the keys
 * themselves were read without their checksums.
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

/** The same, without those that are damaged. */
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
