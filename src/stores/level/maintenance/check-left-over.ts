import { isSealed, type Session } from '../../../core/session.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import { readSized } from '../../rows/key-parts.js'
import { quoted } from '../../rows/record.js'
import {
  INFO_KEY,
  idAfterTime,
  idOf,
  indexKeys,
  type KeyRange,
  LIST_TIME_OFFSET,
  openedKey,
  RANGES,
  sessionKey,
  TALLY_KEY,
} from '../layout/keys.js'
import { entriesIn, entryOf, idOfEntry, isOpened } from '../layout/opened.js'
import { storedSession } from '../layout/stored.js'
import type { Slice, View } from '../read/view.js'
import type { FoundRows } from './check-sessions.js'

/** Records to read at once. */
const LOOK_UP = 50

/** Finds index rows and seals without a record, among the kinds that have more rows than the records account for. */
export async function* leftOverRows(
  view: View,
  found: FoundRows,
): AsyncGenerator<CheckEvent, void> {
  if ((await view.count(RANGES.byTime)) !== found.byTime) {
    const idByTime = (key: Buffer) => idAfterTime(key, LIST_TIME_OFFSET)
    yield* leftOver(view, RANGES.byTime, 'the list of all', idByTime, isIndexed)
  }
  if ((await view.count(RANGES.byUser)) !== found.byUser) {
    yield* leftOver(view, RANGES.byUser, 'the list of a user', idByUser, isIndexed)
  }
  if ((await view.count(RANGES.seals)) !== found.seals) {
    yield* leftOver(view, RANGES.seals, 'the sealed keys', idOf, isSealed)
  }
  yield* leftOverOpened(view, found.opened)
}

const isIndexed = (session: Session, key: Buffer) =>
  indexKeys(session).some((own) => own.equals(key))

function idByUser(key: Buffer): string {
  const [, afterUser] = readSized(key.subarray(1))
  return idAfterTime(afterUser, 1)
}

async function* leftOver(
  view: View,
  range: KeyRange,
  where: string,
  readId: (key: Buffer) => string,
  isKnown: (session: Session, key: Buffer) => boolean,
): AsyncGenerator<CheckEvent, void> {
  for await (const slice of view.rows(range)) {
    const named = slice.map(([key]) => ({ key, id: idIn(key, readId) }))
    const sessions = await recordsOf(
      view,
      named.map(({ id }) => id),
    )
    for (const [i, { key, id }] of named.entries()) {
      const session = sessions[i]
      if (session === undefined || !isKnown(session, key)) {
        yield { problem: `left over in ${where}: a row of session ${quoted(id)}` }
      }
    }
  }
}

/** Finds malformed `c` rows, and entries without a record. */
async function* leftOverOpened(view: View, found: number): AsyncGenerator<CheckEvent, void> {
  let total = 0
  for await (const slice of view.rows(RANGES.opened)) {
    for (const [, value] of slice) {
      const entries = entriesIn(value)
      total += entries?.length ?? 0
      const isOrdered = entries?.every(
        (entry, i) => i === 0 || entry.compare(entries[i - 1] ?? entry) > 0,
      )
      if (!isOrdered || entries?.length === 0) {
        const id = entries?.[0] && idOfEntry(entries[0])
        yield {
          problem: `a list of sessions that a command opened is not whole${id === undefined ? '' : `: that of session ${quoted(id)}`}`,
        }
      }
    }
  }
  if (total === found) {
    return
  }
  for await (const slice of view.rows(RANGES.opened)) {
    yield* strangeEntries(view, slice)
  }
}

async function* strangeEntries(view: View, slice: Slice): AsyncGenerator<CheckEvent, void> {
  const all = slice.flatMap(([key, value]) =>
    (entriesIn(value) ?? []).map((entry) => ({ key, entry })),
  )
  const sessions = await recordsOf(
    view,
    all.map(({ entry }) => idOfEntry(entry)),
  )
  for (const [i, { key, entry }] of all.entries()) {
    const session = sessions[i]
    const isKnown =
      session !== undefined &&
      isOpened(session) &&
      entryOf(session).equals(entry) &&
      openedKey(session.userId, session.address, session.client).equals(key)
    if (!isKnown) {
      const id = quoted(idOfEntry(entry))
      yield { problem: `left over where commands look: an entry of session ${id}` }
    }
  }
}

/** Rows of no kind that the store writes. */
export async function* strangeRows(view: View): AsyncGenerator<{ problem: string }, void> {
  const known = Object.values(RANGES).sort((a, b) => a.gte.compare(b.gte))
  const starts = [Buffer.alloc(0), ...known.map(({ lt }) => lt)]
  const ends = [...known.map(({ gte }) => gte), Buffer.alloc(1, 0xff)]
  let strange = 0
  for (const [i, gte] of starts.entries()) {
    const lt = ends[i] ?? gte
    strange += gte.compare(lt) < 0 ? await view.count({ gte, lt }) : 0
  }
  for await (const slice of view.rows(RANGES.facts)) {
    strange += slice.filter(([key]) => !key.equals(INFO_KEY) && !key.equals(TALLY_KEY)).length
  }
  if (strange > 0) {
    yield { problem: `${strange} rows are of no kind that a server writes` }
  }
}

/** The records of these sessions; undefined for those that cannot be read. */
async function recordsOf(view: View, ids: readonly string[]): Promise<(Session | undefined)[]> {
  const sessions: (Session | undefined)[] = []
  for (let i = 0; i < ids.length; i += LOOK_UP) {
    const keys = ids.slice(i, i + LOOK_UP).map(sessionKey)
    const records = await view.values(keys)
    for (const [j, key] of keys.entries()) {
      sessions.push(readable(key, records[j]))
    }
  }
  return sessions
}

function readable(key: Buffer, record: Uint8Array | undefined): Session | undefined {
  try {
    return record && storedSession(key, record)
  } catch {
    return undefined // Reported with its record.
  }
}

function idIn(key: Buffer, readId: (key: Buffer) => string): string {
  try {
    return readId(key)
  } catch {
    return ''
  }
}
