import { endingIn } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import type { StoreHooks } from '../../engine.js'
import { encodeEntry, encodeSession } from '../../rows/codec.js'
import type { Database, Row } from '../database.js'
import { damagedFiles } from '../files/store-files.js'
import { UNCHECKED_LAYOUT_VERSION } from '../layout/earlier-keys.js'
import { encodeInfo, expectInfo, type Info, newInfo, renewedInfo } from '../layout/info.js'
import {
  deadlineKey,
  endingKey,
  entryKey,
  INFO_KEY,
  type KeyRange,
  RANGES,
  TALLY_KEY,
} from '../layout/keys.js'
import { entriesIn } from '../layout/opened.js'
import { endingRows } from '../layout/rows.js'
import { storedDeadlineRow, storedEntry, storedSession } from '../layout/stored.js'

const NO_KEY = new Uint8Array()
const SLICE_ROWS = 1_000
const SLICE_BYTES = 1024 * 1024

/** Checks of rows of an earlier release, before they get checksums. All throw StoreDamagedError. */
const EXPECTATIONS: Readonly<Record<string, (key: Buffer, value: Uint8Array) => void>> = {
  i: storedEntry,
  x: storedDeadlineRow,
  c: (_, value) => {
    if (entriesIn(value) === undefined) {
      throw new StoreDamagedError('a list of sessions that a command opened is not whole')
    }
  },
}

/**
 * The facts about the store; writes them first if the store is new. Throws StoreMismatchError if it was made with other
 * epochs, or is none.
 */
export async function agreeOnInfo(database: Database, epochs: EpochSettings): Promise<Info> {
  const { location, info } = database
  if (info !== undefined) {
    expectInfo(info, epochs, location)
    return info
  }
  const anyKey = await database.read((level) => level.keys({ limit: 1 }).all())
  if (anyKey.length > 0) {
    throw new StoreMismatchError(
      `${location} holds a database that is not a session store: give another --data-dir`,
    )
  }
  const made = newInfo(epochs)
  await database.commit([[INFO_KEY, encodeInfo(made)]], true)
  return made
}

/**
 * Gives a store of an earlier release the layout of this one. Goes on where it was cut off. Nothing else may write
 * meanwhile. `onUpgrade` counts the rows of all steps. Returns the facts as they are then. Throws StoreDamagedError.
 */
export async function upgradeStore(
  database: Database,
  stored: Info,
  onUpgrade: NonNullable<StoreHooks['onUpgrade']> = () => {},
  sliceRows = SLICE_ROWS,
): Promise<Info> {
  const info = renewedInfo(stored)
  const lacksChecksums =
    stored.layoutVersion === UNCHECKED_LAYOUT_VERSION || info.uncheckedFrom.length > 0
  if (!lacksChecksums && !info.hasEarlierKeys && !info.lacksEndings) {
    return info
  }
  let upgraded = 0
  onUpgrade(0, false)
  const count = (rows: number) => {
    upgraded += rows
    onUpgrade(upgraded, false)
  }
  if (lacksChecksums) {
    await addChecksums(database, info, count, sliceRows)
  }
  if (info.hasEarlierKeys) {
    await renewKeys(database, { ...info, uncheckedFrom: NO_KEY }, count, sliceRows)
  }
  const done = { ...info, uncheckedFrom: NO_KEY, hasEarlierKeys: false, lacksEndings: false }
  await addEndings(database, done, count, sliceRows)
  onUpgrade(upgraded, true)
  return done
}

/**
 * Adds checksums to the rows, in the order of their keys. Each batch also records the key from which on rows have none
 * yet, so it is always known whether a row must have one.
 */
async function addChecksums(
  database: Database,
  info: Info,
  onRows: (rows: number) => void,
  sliceRows: number,
): Promise<void> {
  const from = Buffer.from(info.uncheckedFrom)
  await expectWholeTables(database.location)
  const commit = (rows: readonly Row[], uncheckedFrom: Uint8Array, sync: boolean) =>
    database.commit([...rows, [INFO_KEY, encodeInfo({ ...info, uncheckedFrom })]], sync)
  const tally = await database.read((level) => level.getSync(TALLY_KEY))
  let facts: Row[] = from.length === 0 && tally !== undefined ? [[TALLY_KEY, tally]] : []
  const iterator = await database.read((level) =>
    level.iterator({ gte: from, highWaterMarkBytes: SLICE_BYTES }),
  )
  try {
    for (;;) {
      const slice = await database.read(() => iterator.nextv(sliceRows))
      const last = slice.at(-1)
      if (last === undefined) {
        break
      }
      const rows = slice
        .filter(([key]) => key[0] !== RANGES.facts.gte[0])
        .map(([key, value]): Row => [key, upgradedValue(key, value)])
      await commit([...facts, ...rows], Buffer.concat([last[0], Buffer.of(0)]), false)
      facts = []
      onRows(rows.length)
    }
  } finally {
    await iterator.close()
  }
  await commit(facts, NO_KEY, true)
  database.hasAllChecksums()
}

/** Gives entries and deadlines the keys of this layout. A row of either is renewed at once, or it is as it was. */
async function renewKeys(
  database: Database,
  info: Info,
  onRows: (rows: number) => void,
  sliceRows: number,
): Promise<void> {
  const commit = (rows: readonly Row[], hasEarlierKeys: boolean) => {
    const value = encodeInfo({ ...info, hasEarlierKeys })
    return database.commit([...rows, [INFO_KEY, value]], !hasEarlierKeys)
  }
  for (const range of [RANGES.entries, RANGES.deadlines]) {
    for await (const slice of readableSlices(database, range, sliceRows)) {
      const rows = slice.flatMap(([key, value]) => rowsIfWhole(() => renewedRows(key, value)))
      if (rows.length > 0) {
        await commit(rows, true)
      }
      onRows(slice.length)
    }
  }
  await commit([], false)
}

/** Remembers how sessions ended that an earlier release ended. Where it begins anew, what was made before stays. */
async function addEndings(
  database: Database,
  done: Info,
  onRows: (rows: number) => void,
  sliceRows: number,
): Promise<void> {
  const commit = (rows: readonly Row[], lacksEndings: boolean) =>
    database.commit([...rows, [INFO_KEY, encodeInfo({ ...done, lacksEndings })]], !lacksEndings)
  for await (const slice of readableSlices(database, RANGES.sessions, sliceRows)) {
    const rows = slice.flatMap(([key, value]) =>
      rowsIfWhole(() => {
        const ending = endingIn(storedSession(key, value), done.epochs)
        const isMade = ending && database.valueNow(endingKey(0, ending.id)) !== undefined
        return ending === null || isMade ? [] : endingRows(ending, 0, done.epochs)
      }),
    )
    if (rows.length > 0) {
      await commit(rows, true)
    }
    onRows(slice.length)
  }
  await commit([], false)
}

/** The rows of a range. A damaged one stays where it is, for a check to find. */
async function* readableSlices(
  database: Database,
  range: KeyRange,
  sliceRows: number,
): AsyncGenerator<[Buffer, Uint8Array][], void> {
  const iterator = await database.read((level) =>
    level.tolerating(() => {}).iterator({ ...range, highWaterMarkBytes: SLICE_BYTES }),
  )
  try {
    for (;;) {
      const slice = await database.read(() => iterator.nextv(sliceRows))
      if (slice.length === 0) {
        return
      }
      yield slice
    }
  } finally {
    await iterator.close()
  }
}

/** None if what they are made of is damaged. */
function rowsIfWhole(make: () => Row[]): Row[] {
  try {
    return make()
  } catch (error) {
    if (error instanceof StoreDamagedError) {
      return []
    }
    throw error
  }
}

/** Throws StoreDamagedError. */
function renewedRows(key: Buffer, value: Uint8Array): Row[] {
  const [now, content] = renewed(key, value)
  return now.equals(key)
    ? []
    : [
        [key, null],
        [now, content],
      ]
}

/** Throws StoreDamagedError. */
function renewed(key: Buffer, value: Uint8Array): [key: Buffer, value: Uint8Array] {
  if (key[0] === RANGES.entries.gte[0]) {
    const { scope, entry } = storedEntry(key, value)
    return [entryKey(scope), encodeEntry(entry)]
  }
  return [deadlineKey(storedDeadlineRow(key, value).deadline), value]
}

function upgradedValue(key: Buffer, value: Uint8Array): Uint8Array {
  const kind = key.toString('latin1', 0, 1)
  if (kind === 's') {
    const session = storedSession(key, value)
    // Earlier releases left user and data in ended sessions.
    return session.active ? value : encodeSession(session)
  }
  EXPECTATIONS[kind]?.(key, value)
  return value
}

/** Otherwise rows from damaged blocks would get valid checksums. */
async function expectWholeTables(location: string): Promise<void> {
  for await (const { file, problem } of damagedFiles(location)) {
    throw new StoreDamagedError(
      `${location}: ${file}: ${problem}. An earlier release wrote this store, and its rows get checksums only if ` +
        'its files are undamaged: run `sessiond repair`, which keeps everything that can be read',
    )
  }
}
