import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import type { StoreHooks } from '../../engine.js'
import { encodeEntry, encodeInfo, encodeSession, type Info } from '../../rows/codec.js'
import type { Database, Row } from '../database.js'
import { damagedFiles } from '../files/store-files.js'
import { UNCHECKED_LAYOUT_VERSION } from '../layout/earlier-keys.js'
import { expectInfo, newInfo, renewedInfo } from '../layout/info.js'
import { deadlineKey, entryKey, INFO_KEY, RANGES, TALLY_KEY } from '../layout/keys.js'
import { entriesIn } from '../layout/opened.js'
import { storedDeadlineRow, storedEntry, storedSession } from '../layout/stored.js'

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
 * meanwhile. `onUpgrade` counts the rows of both steps. Throws StoreDamagedError.
 */
export async function upgradeStore(
  database: Database,
  stored: Info,
  onUpgrade: NonNullable<StoreHooks['onUpgrade']> = () => {},
  sliceRows = SLICE_ROWS,
): Promise<void> {
  const info = renewedInfo(stored)
  const lacksChecksums =
    stored.layoutVersion === UNCHECKED_LAYOUT_VERSION || info.uncheckedFrom.length > 0
  if (!lacksChecksums && !info.hasEarlierKeys) {
    return
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
  await renewKeys(database, info, count, sliceRows)
  onUpgrade(upgraded, true)
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
  await commit(facts, new Uint8Array(), true)
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
    const value = encodeInfo({ ...info, uncheckedFrom: new Uint8Array(), hasEarlierKeys })
    return database.commit([...rows, [INFO_KEY, value]], !hasEarlierKeys)
  }
  for (const range of [RANGES.entries, RANGES.deadlines]) {
    // A damaged row stays where it is, for a check to find.
    const iterator = await database.read((level) =>
      level.tolerating(() => {}).iterator({ ...range, highWaterMarkBytes: SLICE_BYTES }),
    )
    try {
      for (;;) {
        const slice = await database.read(() => iterator.nextv(sliceRows))
        if (slice.length === 0) {
          break
        }
        const rows = slice.flatMap(([key, value]) => renewedRows(key, value))
        if (rows.length > 0) {
          await commit(rows, true)
        }
        onRows(slice.length)
      }
    } finally {
      await iterator.close()
    }
  }
  await commit([], false)
}

function renewedRows(key: Buffer, value: Uint8Array): Row[] {
  try {
    const [now, content] = renewed(key, value)
    return now.equals(key)
      ? []
      : [
          [key, null],
          [now, content],
        ]
  } catch (error) {
    if (error instanceof StoreDamagedError) {
      return []
    }
    throw error
  }
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
