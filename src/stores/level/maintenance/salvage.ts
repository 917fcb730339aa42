import { rm } from 'node:fs/promises'
import { StoreDamagedError } from '../../../core/errors.js'
import { withoutChecksum } from '../../rows/checksum.js'
import type { IsUnchecked } from '../byte-level.js'
import { Database, type Row } from '../database.js'
import { FormatError } from '../files/bytes.js'
import { readBatch, readLog } from '../files/log.js'
import { liveFiles, readStoreFile, verifyTableFile } from '../files/store-files.js'
import { findBlocks, rowsOf } from '../files/table.js'
import { encodeInfo, readInfoRow, renewedInfo, uncheckedRows } from '../layout/info.js'
import { INFO_KEY, LAYOUT_VERSION } from '../layout/keys.js'
import { rowName } from '../layout/row-name.js'
import { isDeleted, Stage, type StagedRow, TRUSTED } from './salvage-stage.js'

/**
 * Makes a database at `to` from the files at `from`, which it only reads: the newest version of each row, without rows
 * that fail their checksums. It reads without LevelDB, since damage can make LevelDB end the process. Uses the directory
 * `stage`, and removes it. Yields one line for each thing that is lost, never its content.
 */
export async function* salvage(
  from: string,
  to: string,
  stage: string,
): AsyncGenerator<string, void> {
  const staged = new Stage(stage)
  await staged.open()
  try {
    yield* stageFiles(from, staged)
    const { isUnchecked, info } = yield* readInfo(staged)
    const database = new Database(to)
    await database.open()
    try {
      if (info !== undefined) {
        await database.commit([[INFO_KEY, info]], false)
      }
      for await (const rows of staged.newest()) {
        const kept: Row[] = []
        for (const { row, doubt } of rows) {
          if (doubt !== null) {
            yield doubt
          }
          if (isDeleted(row)) {
            continue
          }
          const value = believed(row, isUnchecked)
          if (value !== undefined) {
            kept.push([row.key, value])
          } else {
            const problem = isUnchecked(row.key)
              ? 'has no checksum, and stands in a damaged block'
              : 'fails its checksum'
            yield `dropped: ${rowName(row.key)} ${problem}`
          }
        }
        if (kept.length > 0) {
          await database.commit(kept, false)
        }
      }
    } finally {
      await database.close()
    }
  } finally {
    await staged.close()
    // Otherwise the disk must hold three stores: the stage, the copy and the new one.
    await rm(stage, { recursive: true, force: true })
  }
}

async function* stageFiles(from: string, staged: Stage): AsyncGenerator<string, void> {
  const { logs, tables, lastSequence, damages } = await liveFiles(from)
  for (const { file, problem } of damages) {
    yield `damaged: ${file} ${problem}`
  }
  const ends = new LogSequences(lastSequence)
  for (const file of logs) {
    for (const entry of readLog((await readStoreFile(from, file)) ?? Buffer.alloc(0))) {
      if ('problem' in entry) {
        const loss = entry.isLost ? ': the write there is lost' : ''
        yield `damaged: ${file}: ${entry.problem}, at byte ${entry.offset}${loss}`
        continue
      }
      try {
        for (const row of [...readBatch(entry.data)]) {
          ends.meet(file, row.sequence)
          await staged.add(row, true)
        }
      } catch (error) {
        if (!(error instanceof FormatError)) {
          throw error
        }
        yield `damaged: ${file}: a write cannot be read: ${error.message}`
      }
    }
  }
  for (const table of tables) {
    const { file } = table
    for (const { problem } of await verifyTableFile(from, table)) {
      yield `damaged: ${file}: ${problem}`
    }
    const bytes = (await readStoreFile(from, file)) ?? Buffer.alloc(0)
    for (const block of findBlocks(bytes)) {
      let rows = 0
      for (const row of rowsOf(bytes, block)) {
        rows++
        await staged.add(row, block.isWhole, ends.lastOf(file))
      }
      if (!block.isWhole) {
        yield `damaged: ${file}: a block of rows at byte ${block.offset}; of ${rows} rows that can be read in it those are kept whose checksums are right`
      }
    }
  }
  await staged.flush()
}

/** The largest possible sequence number of a row in a table: the row's checksum does not cover the number. */
class LogSequences {
  /** By the log's number. */
  private readonly first = new Map<number, bigint>()
  private last: bigint | null

  /** `ofTables` is the largest of all tables; null if the manifest does not tell. */
  constructor(ofTables: number | null) {
    this.last = ofTables === null ? null : BigInt(ofTables)
  }

  meet(log: string, sequence: bigint): void {
    const number = Number.parseInt(log, 10)
    const first = this.first.get(number)
    if (first === undefined || sequence < first) {
      this.first.set(number, sequence)
    }
  }

  /** A table has no row of a log that was created after it: LevelDB numbers files in the order of their creation. */
  lastOf(table: string): bigint | null {
    let { last } = this
    for (const [number, first] of this.first) {
      if (number > Number.parseInt(table, 10) && (last === null || first <= last)) {
        last = first - 1n
      }
    }
    return last
  }
}

/** Which rows need no checksum, and the row of facts as this release writes it. */
async function* readInfo(
  staged: Stage,
): AsyncGenerator<string, { isUnchecked: IsUnchecked; info?: Uint8Array }> {
  try {
    const found = await staged.info()
    if (found !== null && found.doubt !== null) {
      yield found.doubt
    }
    const isThere = found !== null && !isDeleted(found.row)
    const info = readInfoRow(isThere ? found.row.stored : undefined, 'the store')
    if (info !== undefined) {
      const now = { ...renewedInfo(info), uncheckedFrom: new Uint8Array() }
      const isKnown = info.layoutVersion <= LAYOUT_VERSION
      return {
        isUnchecked: uncheckedRows(info) ?? (() => false),
        info: encodeInfo(isKnown ? now : info),
      }
    }
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) {
      throw error
    }
    yield `dropped ${error.message}`
  }
  // If any row has a checksum, no earlier release wrote the store: damage does not produce one.
  const { hasChecksums } = staged
  return { isUnchecked: () => !hasChecksums }
}

function believed(
  { key, kind, stored }: StagedRow,
  isUnchecked: IsUnchecked,
): Uint8Array | undefined {
  return isUnchecked(key) && kind === TRUSTED ? stored : withoutChecksum(key, stored)
}
