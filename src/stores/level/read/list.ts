import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { ListQuery, SessionPage } from '../../../core/store-lists.js'
import { quoted } from '../../rows/record.js'
import type { ByteLevel, Snapshot } from '../byte-level.js'
import { storeError } from '../errors.js'
import { idAfterTime, idOf, listsAt, sessionKey, TALLY_KEY } from '../layout/keys.js'
import { checkedSession, storedTally } from '../layout/stored.js'
import type { Tally } from '../layout/tally.js'
import type { Kept } from './kept-sessions.js'
import type { Places } from './places.js'
import { firstKeys, mergeKeys } from './scan.js'
import { rangesOf, Wanted } from './wanted.js'

/** Records to decode in one turn of the event loop. */
const SLICE_RECORDS = 100
/** The most keys that a list walks by itself. Beyond that it shares a walk with others (`shared-lists.ts`). */
const MAX_OWN_KEYS = 1000

/** Reads the values of keys from the list's snapshot. */
export type ReadMany = (keys: Buffer[]) => Promise<(Uint8Array | undefined)[]>

/** Where a list gets its records from. */
interface Records {
  readonly readMany: ReadMany
  /** Absent: it reads all of them. */
  readonly kept?: Kept
}

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
  { places, kept }: { readonly places: Places; readonly kept: Kept },
  onDamaged?: OnDamaged,
): Promise<SessionPage | null> {
  const snapshot = level.snapshot()
  try {
    const readMany: ReadMany = (keys) => level.getMany(keys, { snapshot })
    const tally = await tallyOf(() => level.getSync(TALLY_KEY, { snapshot }))
    const known = knownTotal(query, tally)
    const total = known ?? (query.total ? await countBriefly(level, snapshot, query) : undefined)
    if (total === null) {
      return null
    }
    const wanted = new Wanted(query, total)
    const isWalked = wanted.isDone || (await walkBriefly(level, snapshot, wanted, places, tally))
    return isWalked ? await pageOf(wanted, { readMany, kept }, onDamaged) : null
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
  tally: Tally | undefined,
): Promise<boolean> {
  const isNear = tally !== undefined && wanted.length <= MAX_OWN_KEYS
  const near = isNear ? await places.keysOf(level, snapshot, wanted, tally.commits) : undefined
  if (near === undefined) {
    const limit = Math.min(wanted.length, MAX_OWN_KEYS + 1)
    let keys: Buffer[] = []
    for (const { gte, lt } of wanted.ranges) {
      if (keys.length > MAX_OWN_KEYS) {
        return false
      }
      const found = await firstKeys(level, { gte, lt, snapshot, limit })
      keys = mergeKeys(keys, found, wanted.timeOffset)
    }
    wanted.meet(keys)
    if (!wanted.isDone && keys.length > MAX_OWN_KEYS) {
      return false
    }
  } else {
    wanted.keys.push(...near)
  }
  if (tally !== undefined) {
    places.remember(wanted, tally.commits)
  }
  return true
}

/** The counters; undefined if their row is damaged. */
export async function tallyOf(
  read: () => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<Tally | undefined> {
  try {
    return storedTally(await read())
  } catch (error) {
    if (error instanceof StoreDamagedError) {
      return undefined
    }
    throw error
  }
}

/** How many sessions match, if that is known without a walk: every commit writes the number of all open ones. */
export function knownTotal(query: ListQuery, tally: Tally | undefined): number | undefined {
  return isOfAllOpen(query) && (query.total || query.skip > 0) ? tally?.openSessions : undefined
}

export function isOfAllOpen({ userId, active, fromTimeMs, toTimeMs }: ListQuery): boolean {
  return active === true && [userId, fromTimeMs, toTimeMs].every((part) => part === undefined)
}

/** Reads the records of the page. */
export async function pageOf(
  { keys, timeOffset, total }: Wanted,
  records: Records,
  onDamaged?: OnDamaged,
): Promise<SessionPage> {
  return { sessions: await readSlices(keys, timeOffset, records, onDamaged), total }
}

/** The sessions of these index keys, read in turns. */
export async function readSlices(
  keys: readonly Buffer[],
  timeOffset: number,
  records: Records,
  onDamaged?: OnDamaged,
): Promise<Session[]> {
  const sessions: Session[] = []
  for (let i = 0; i < keys.length; i += SLICE_RECORDS) {
    const slice = keys.slice(i, i + SLICE_RECORDS)
    sessions.push(
      ...(onDamaged === undefined
        ? await readSessions(slice, timeOffset, records)
        : await readableSessions(slice, timeOffset, records, onDamaged)),
    )
  }
  return sessions
}

/**
 * The sessions of these index keys. Throws StoreDamagedError if a record is missing or does not match its key: the keys
 * themselves were read without their checksums.
 */
export async function readSessions(
  keys: readonly Buffer[],
  timeOffset: number,
  { readMany, kept }: Records,
): Promise<Session[]> {
  const found = keys.map((key) => {
    const session = kept?.get(idAfterTime(key, timeOffset))
    return session && listsAt(key, timeOffset, session) ? session : undefined
  })
  const missing = keys.filter((_, i) => found[i] === undefined)
  const recordKeys = missing.map((key) => sessionKey(idAfterTime(key, timeOffset)))
  const records = missing.length === 0 ? [] : await readMany(recordKeys)
  let next = 0
  return found.map((session) => {
    if (session !== undefined) {
      return session
    }
    const i = next++
    const read = listedSession(
      missing[i] as Buffer,
      timeOffset,
      recordKeys[i] as Buffer,
      records[i],
    )
    kept?.keep(read)
    return read
  })
}

function listedSession(
  key: Buffer,
  timeOffset: number,
  recordKey: Buffer,
  record: Uint8Array | undefined,
): Session {
  if (record === undefined) {
    throw new StoreDamagedError(
      `a list names session ${quoted(idOf(recordKey))}, which has no record`,
    )
  }
  const session = checkedSession(recordKey, record)
  if (!listsAt(key, timeOffset, session)) {
    throw new StoreDamagedError(
      `a list names session ${quoted(session.id)} where it does not stand`,
    )
  }
  return session
}

/** The same, without those that are damaged. */
export async function readableSessions(
  keys: readonly Buffer[],
  timeOffset: number,
  records: Records,
  onDamaged: OnDamaged,
): Promise<Session[]> {
  try {
    return await readSessions(keys, timeOffset, records)
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
    found.push(...(await readableSessions([key], timeOffset, records, onDamaged)))
  }
  return found
}
