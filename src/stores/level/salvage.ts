import { Level } from 'level'
import { StoreDamagedError } from '../../core/errors.js'
import type { IsUnchecked, RawLevel } from './byte-level.js'
import { encodeInfo } from './codec.js'
import { Database, type Row } from './database.js'
import { FormatError } from './files/bytes.js'
import { readBatch, readLog, type WrittenRow } from './files/log.js'
import { liveFiles, readStoreFile } from './files/store-files.js'
import { findBlocks, rowsOf } from './files/table.js'
import { INFO_KEY, LAYOUT_VERSION } from './keys.js'
import { readInfoRow, uncheckedRows } from './layout.js'
import { CHECKSUM_BYTES, withoutChecksum } from './row-checksum.js'
import { rowName } from './row-name.js'

const BATCH_BYTES = 1024 * 1024
const SLICE_ROWS = 1_000
const SEQUENCE_BYTES = 8
const KEY_LENGTH_BYTES = 4
const ALL_ONES = 2n ** 64n - 1n

/** How a row is staged: from a block or a write that is whole, or from a damaged block. */
const DELETED = 0
const TRUSTED = 1
const DOUBTFUL = 2

/**
 * Makes a database at `to` out of the files of one at `from`, which it only reads: of each row the newest version, and
 * none whose checksum is wrong. LevelDB has no part in the reading, since damage can make it end the process. Uses the
 * directory `stage` meanwhile. Yields a line for each thing that is lost, without its content.
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
        for (const row of rows) {
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
  }
}

async function* stageFiles(from: string, staged: Stage): AsyncGenerator<string, void> {
  const { logs, tables, damages } = await liveFiles(from)
  for (const { file, problem } of damages) {
    yield `damaged: ${file} ${problem}`
  }
  for (const { file } of tables) {
    const bytes = (await readStoreFile(from, file)) ?? Buffer.alloc(0)
    for (const block of findBlocks(bytes)) {
      let rows = 0
      for (const row of rowsOf(bytes, block)) {
        rows++
        await staged.add(row, block.isWhole)
      }
      if (!block.isWhole) {
        yield `damaged: ${file}: a block of rows at byte ${block.offset}; of ${rows} rows that can be read in it those are kept whose checksums are right`
      }
    }
  }
  for (const file of logs) {
    for (const entry of readLog((await readStoreFile(from, file)) ?? Buffer.alloc(0))) {
      if ('problem' in entry) {
        yield `damaged: ${file}: ${entry.problem}, at byte ${entry.offset}: the write there is lost`
        continue
      }
      try {
        for (const row of [...readBatch(entry.data)]) {
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
  await staged.flush()
}

/** Which rows need no checksum, and the facts about the store as this release writes them. */
async function* readInfo(
  staged: Stage,
): AsyncGenerator<string, { isUnchecked: IsUnchecked; info?: Uint8Array }> {
  try {
    const info = readInfoRow(staged.infoRow, 'the store')
    if (info !== undefined) {
      const now = { ...info, layoutVersion: LAYOUT_VERSION, uncheckedFrom: new Uint8Array() }
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
  // Where one row has a checksum, an earlier release cannot have written the store; no damage gives a row one.
  const { hasChecksums } = staged
  return { isUnchecked: () => !hasChecksums }
}

function believed(
  { key, kind, stored }: StagedRow,
  isUnchecked: IsUnchecked,
): Uint8Array | undefined {
  return isUnchecked(key) && kind === TRUSTED ? stored : withoutChecksum(key, stored)
}

interface StagedRow {
  readonly key: Buffer
  readonly kind: number
  readonly stored: Uint8Array
}

/** All versions of all rows, sorted so that the newest of each comes first, however large they are together. */
class Stage {
  private readonly level: RawLevel
  private batch: [Buffer, Buffer][] = []
  private bytes = 0
  private infoSequence = -1n
  /** The newest row of facts, as it was stored. */
  infoRow: Uint8Array | undefined
  /** Whether any row has a checksum. */
  hasChecksums = false

  constructor(location: string) {
    this.level = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
  }

  open(): Promise<void> {
    return this.level.open()
  }

  close(): Promise<void> {
    return this.level.close()
  }

  async add(row: WrittenRow, isTrusted: boolean): Promise<void> {
    const { key, value } = row
    const isChecked = value.length >= CHECKSUM_BYTES && withoutChecksum(key, value) !== undefined
    this.hasChecksums ||= isChecked
    // In a damaged block the mark may be the damage: only a row that is there has a checksum.
    const isDeleted = isTrusted ? row.isDeleted : value.length === 0
    if (key.equals(INFO_KEY) && row.sequence > this.infoSequence) {
      this.infoSequence = row.sequence
      this.infoRow = isDeleted ? undefined : Uint8Array.from(value)
    }
    const kind = isDeleted ? DELETED : isTrusted ? TRUSTED : DOUBTFUL
    this.batch.push([stageKey(key, row.sequence), Buffer.concat([Buffer.of(kind), value])])
    this.bytes += key.length + value.length
    if (this.bytes >= BATCH_BYTES) {
      await this.flush()
    }
  }

  async flush(): Promise<void> {
    const batch = this.level.batch()
    for (const [key, value] of this.batch.splice(0)) {
      batch.put(key, value)
    }
    this.bytes = 0
    await batch.write()
  }

  /** The newest version of each row that was not deleted, some at a time. The row of facts is told of apart. */
  async *newest(): AsyncGenerator<StagedRow[], void> {
    const rows = this.level.iterator({ highWaterMarkBytes: BATCH_BYTES })
    let last: Buffer = Buffer.alloc(0)
    try {
      for (;;) {
        const slice = await rows.nextv(SLICE_ROWS)
        if (slice.length === 0) {
          return
        }
        const found: StagedRow[] = []
        for (const [staged, value] of slice) {
          const key = staged.subarray(KEY_LENGTH_BYTES, -SEQUENCE_BYTES)
          const isNewest = !key.equals(last)
          last = key
          if (isNewest && value[0] !== DELETED && !key.equals(INFO_KEY)) {
            found.push({ key, kind: value[0] as number, stored: value.subarray(1) })
          }
        }
        yield found
      }
    } finally {
      await rows.close()
    }
  }
}

/** With its length before the key, so that no other row comes between two versions of one. */
function stageKey(key: Buffer, sequence: bigint): Buffer {
  const staged = Buffer.alloc(KEY_LENGTH_BYTES + key.length + SEQUENCE_BYTES)
  staged.writeUInt32BE(key.length)
  key.copy(staged, KEY_LENGTH_BYTES)
  staged.writeBigUInt64BE(ALL_ONES - sequence, KEY_LENGTH_BYTES + key.length)
  return staged
}
