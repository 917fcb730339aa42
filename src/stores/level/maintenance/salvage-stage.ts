import { Level } from 'level'
import { CHECKSUM_BYTES, withoutChecksum } from '../../rows/checksum.js'
import type { RawLevel } from '../byte-level.js'
import type { WrittenRow } from '../files/log.js'
import { INFO_KEY, type KeyRange } from '../layout/keys.js'
import { rowName } from '../layout/row-name.js'

const BATCH_BYTES = 1024 * 1024
const SLICE_ROWS = 1_000
const SEQUENCE_BYTES = 8
const KEY_LENGTH_BYTES = 4
const ALL_ONES = 2n ** 64n - 1n
const NO_SEQUENCE = 0n
/** The end of a staged key: the sequence number, and one byte for the kind. */
const BEHIND_KEY_BYTES = SEQUENCE_BYTES + 1
const ALL_KINDS = 0xff

/** The kind of a staged row: trusted, from an intact block or write, or doubtful, from a damaged block. */
const DELETED = 0
export const TRUSTED = 1
const DOUBTFUL = 2
const DOUBTFUL_DELETED = 3

export interface StagedRow {
  readonly key: Buffer
  readonly kind: number
  readonly stored: Uint8Array
}

export function isDeleted({ kind }: StagedRow): boolean {
  return kind === DELETED || kind === DOUBTFUL_DELETED
}

/** The version of a row to keep, and a line about it if that is not certain. */
interface Choice {
  readonly row: StagedRow
  readonly doubt: string | null
}

/** Chooses among the versions of one row, which it receives newest first. */
class Versions {
  private newest: StagedRow
  /** The newest version other than a deletion in a damaged block. */
  private newestKept: StagedRow | null = null
  private newestTrusted: StagedRow | null = null

  constructor(first: StagedRow) {
    this.newest = first
    this.add(first)
  }

  get key(): Buffer {
    return this.newest.key
  }

  add(row: StagedRow): void {
    const isTrusted = row.kind === DELETED || row.kind === TRUSTED
    this.newestKept ??= row.kind === DOUBTFUL_DELETED ? null : row
    this.newestTrusted ??= isTrusted ? row : null
  }

  choose(): Choice {
    const { key, newest, newestKept, newestTrusted } = this
    if (newestTrusted === null || newestKept === null) {
      return { row: newest, doubt: null }
    }
    const name = rowName(key)
    if (newestKept !== newestTrusted) {
      return {
        row: newestKept,
        // It most likely is the newest: damage to a sequence number itself is rare, and most of it is detected.
        doubt: `doubtful: ${name} is taken from a damaged block, which says that it is newer than what stands elsewhere`,
      }
    }
    const isKept = newest !== newestKept && newestKept.kind === TRUSTED
    const doubt = `doubtful: ${name} is kept, though a damaged block says that it was deleted`
    return { row: newestKept, doubt: isKept ? doubt : null }
  }
}

/** All versions of all rows on disk, the newest of each row first. */
export class Stage {
  private readonly level: RawLevel
  private batch: [Buffer, Buffer][] = []
  private bytes = 0
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

  /** A doubtful row with a sequence number beyond `last` counts as older than all others. */
  async add(row: WrittenRow, isTrusted: boolean, last: bigint | null = null): Promise<void> {
    const { key, value } = row
    const isChecked = value.length >= CHECKSUM_BYTES && withoutChecksum(key, value) !== undefined
    this.hasChecksums ||= isChecked
    // In a damaged block the deletion mark itself may be damaged: only a deletion has no value.
    const isDeleted = isTrusted ? row.isDeleted : value.length === 0
    const [gone, there] = isTrusted ? [DELETED, TRUSTED] : [DOUBTFUL_DELETED, DOUBTFUL]
    const isKnown = isTrusted || last === null || row.sequence <= last
    const sequence = isKnown ? row.sequence : NO_SEQUENCE
    this.batch.push([stageKey(key, sequence, isDeleted ? gone : there), Buffer.from(value)])
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

  /** The row of facts; null where there is none. */
  async info(): Promise<Choice | null> {
    const gte = stageKey(INFO_KEY, ALL_ONES, DELETED)
    const lt = stageKey(INFO_KEY, NO_SEQUENCE, ALL_KINDS)
    for await (const [choice] of this.choices({ gte, lt })) {
      if (choice !== undefined) {
        return choice
      }
    }
    return null
  }

  /** The newest version of each row except the row of facts, some at a time. */
  async *newest(): AsyncGenerator<Choice[], void> {
    for await (const choices of this.choices({})) {
      yield choices.filter(({ row }) => !row.key.equals(INFO_KEY))
    }
  }

  private async *choices(range: Partial<KeyRange>): AsyncGenerator<Choice[], void> {
    const rows = this.level.iterator({ ...range, highWaterMarkBytes: BATCH_BYTES })
    let versions: Versions | null = null
    try {
      for (;;) {
        const slice = await rows.nextv(SLICE_ROWS)
        const found: Choice[] = []
        for (const [staged, stored] of slice) {
          const key = staged.subarray(KEY_LENGTH_BYTES, -BEHIND_KEY_BYTES)
          const row = { key, kind: staged.at(-1) as number, stored }
          if (versions?.key.equals(key)) {
            versions.add(row)
          } else {
            found.push(...(versions === null ? [] : [versions.choose()]))
            versions = new Versions(row)
          }
        }
        if (slice.length === 0) {
          yield versions === null ? [] : [versions.choose()]
          return
        }
        yield found
      }
    } finally {
      await rows.close()
    }
  }
}

/** Begins with the key's length, so that the versions of a row are adjacent. */
function stageKey(key: Buffer, sequence: bigint, kind: number): Buffer {
  const end = KEY_LENGTH_BYTES + key.length
  const staged = Buffer.alloc(end + BEHIND_KEY_BYTES)
  staged.writeUInt32BE(key.length)
  key.copy(staged, KEY_LENGTH_BYTES)
  staged.writeBigUInt64BE(ALL_ONES - sequence, end)
  staged[end + SEQUENCE_BYTES] = kind
  return staged
}
