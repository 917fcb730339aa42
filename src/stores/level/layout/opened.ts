import { StoreDamagedError } from '../../../core/errors.js'
import type { SessionChange } from '../../../core/events.js'
import type { Session } from '../../../core/session.js'
import { readSized, sized } from '../../rows/key-parts.js'
import { KeyWriter, TIME_BYTES } from '../../rows/key-writer.js'
import type { Row } from '../database.js'
import { invertedMs, openedKey } from './keys.js'

/*
 * The value of a `c` row: the open sessions that a command opened for one user, address and client. There is seldom more
 * than one. Each entry is a length, the inverted open time and the id; the newest comes first.
 */

const writer = new KeyWriter()

/** The ids of the sessions in such a value, newest first. In a stale row some have ended. Throws StoreDamagedError. */
export function openedIds(value: Uint8Array | undefined): string[] {
  return value === undefined ? [] : entriesOf(value).map(idOfEntry)
}

/** A `c` row as it is. */
export interface OpenedRow {
  readonly place: OpenedPlace
  readonly key: Buffer
  readonly value: Uint8Array | undefined
}

type OpenedPlace = Pick<Session, 'userId' | 'address' | 'client'>

/**
 * The `c` rows that changes affect, as they are after all of them. `read` returns the current value of a row; `known` saves it
 * that row.
 */
export function openedRows(
  changes: readonly SessionChange[],
  read: (key: Buffer) => Uint8Array | undefined,
  known?: OpenedRow,
): Row[] {
  const rows: Row[] = []
  for (const { before, after } of changes) {
    const session = after ?? before
    if (session === null || isOpened(before) === isOpened(after)) {
      continue
    }
    const found = known !== undefined && isAt(known.place, session) ? known : undefined
    const key = found?.key ?? openedKey(session.userId, session.address, session.client)
    const at = rows.findIndex(([other]) => other.equals(key))
    const [, value] = rows[at] ?? [key, found ? found.value : read(key)]
    const row: Row = [key, valueAfter(value, session, isOpened(after))]
    rows.splice(at < 0 ? rows.length : at, 1, row)
  }
  return rows
}

/** The value of a `c` row with this session, or without it. */
function valueAfter(
  value: Uint8Array | null | undefined,
  session: Session,
  isOpen: boolean,
): Buffer | null {
  const own = entryOf(session)
  if (isOpen && !value) {
    return sized(own)
  }
  const others = entriesOf(value ?? new Uint8Array()).filter((entry) => !entry.equals(own))
  const entries = isOpen ? [...others, own].sort(Buffer.compare) : others
  return entries.length === 0 ? null : Buffer.concat(entries.map(sized))
}

function isAt({ userId, address, client }: OpenedPlace, session: Session): boolean {
  return userId === session.userId && address === session.address && client === session.client
}

/** Whether a session belongs in a `c` row. */
export function isOpened(session: Session | null | undefined): boolean {
  return session?.active === true && session.token === null
}

/** The entry of a session in such a value. */
export function entryOf({ openTimeMs, id }: Session): Buffer {
  return writer.begin().time(invertedMs(openTimeMs)).text(id).key()
}

/** The entries of a value; undefined if it is malformed. */
export function entriesIn(value: Uint8Array | undefined): Buffer[] | undefined {
  try {
    const entries = entriesOf(value ?? new Uint8Array())
    const isWhole = Buffer.concat(entries.map(sized)).equals(value ?? new Uint8Array())
    return isWhole && entries.every(({ length }) => length > TIME_BYTES) ? entries : undefined
  } catch {
    return undefined
  }
}

/** The id of the session whose entry this is. */
export function idOfEntry(entry: Buffer): string {
  return entry.toString('utf8', TIME_BYTES)
}

/** Throws StoreDamagedError. */
function entriesOf(value: Uint8Array): Buffer[] {
  const entries: Buffer[] = []
  let rest = Buffer.from(value.buffer, value.byteOffset, value.length)
  try {
    while (rest.length > 0) {
      const [entry, behind] = readSized(rest)
      entries.push(entry)
      rest = behind
    }
  } catch (cause) {
    throw new StoreDamagedError('a list of sessions that a command opened cannot be read', cause)
  }
  return entries
}
