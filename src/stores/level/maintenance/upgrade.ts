import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError, StoreMismatchError } from '../../../core/errors.js'
import type { StoreHooks } from '../../engine.js'
import { encodeInfo, encodeSession, type Info } from '../../rows/codec.js'
import type { Database, Row } from '../database.js'
import { damagedFiles } from '../files/store-files.js'
import { expectInfo, newInfo } from '../layout/info.js'
import { INFO_KEY, LAYOUT_VERSION, RANGES, TALLY_KEY } from '../layout/keys.js'
import { entriesIn } from '../layout/opened.js'
import { storedDeadline, storedEntry, storedSession } from '../layout/stored.js'

const SLICE_ROWS = 1_000
const SLICE_BYTES = 1024 * 1024

/** Checks of rows of an earlier release, before they get checksums. All throw StoreDamagedError. */
const EXPECTATIONS: Readonly<Record<string, (key: Buffer, value: Uint8Array) => void>> = {
  i: storedEntry,
  x: storedDeadline,
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
 * Adds checksums to the rows of an earlier release, in the order of their keys. Each batch also records the key from which
 * on rows have none yet, so it is always known whether a row must have one. Resumes where it was cut off. Nothing else
 * may write meanwhile. Throws StoreDamagedError.
 */
export async function addChecksums(
  database: Database,
  info: Info,
  onUpgrade: NonNullable<StoreHooks['onUpgrade']> = () => {},
  sliceRows = SLICE_ROWS,
): Promise<void> {
  const from = Buffer.from(info.uncheckedFrom)
  if (info.layoutVersion === LAYOUT_VERSION && from.length === 0) {
    return
  }
  await expectWholeTables(database.location)
  onUpgrade(0, false)
  let upgraded = 0
  const commit = (rows: readonly Row[], uncheckedFrom: Uint8Array, sync: boolean) => {
    const value = encodeInfo({ ...info, layoutVersion: LAYOUT_VERSION, uncheckedFrom })
    return database.commit([...rows, [INFO_KEY, value]], sync)
  }
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
      upgraded += rows.length
      onUpgrade(upgraded, false)
    }
  } finally {
    await iterator.close()
  }
  await commit(facts, new Uint8Array(), true)
  database.hasAllChecksums()
  onUpgrade(upgraded, true)
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
