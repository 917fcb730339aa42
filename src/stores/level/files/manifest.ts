import { ByteReader, FormatError } from './bytes.js'
import { BLOCK_BYTES, readLog } from './log.js'

/** The state that a manifest's entries (`VersionEdit`) add up to. */
export interface Manifest {
  /** Logs from this number on, and `prevLogNumber`, contain the rows that are in no table yet. */
  readonly logNumber: number
  /** 0 if there is none. */
  readonly prevLogNumber: number
  /** No row of a table has a larger one. */
  readonly lastSequence: number
  /** Sizes of the tables, by number. */
  readonly tables: ReadonlyMap<number, number>
  readonly problems: readonly string[]
}

export function readManifest(bytes: Buffer): Manifest {
  return new ManifestReader().read(bytes)
}

/** Reads a growing manifest: each entry once. */
export class ManifestReader {
  private readonly state = { logNumber: 0, prevLogNumber: 0, lastSequence: 0 }
  private readonly tables = new Map<number, number>()
  private readonly problems: string[] = []
  private edits = 0
  /** The file offset of the next entry. */
  private end = 0

  /** The file offset from which `read` needs the bytes. */
  get start(): number {
    return this.end - (this.end % BLOCK_BYTES)
  }

  /** The state of the manifest, given its bytes from `start` on. */
  read(bytes: Buffer): Manifest {
    const { start } = this
    for (const entry of readLog(bytes, this.end - start)) {
      if ('problem' in entry) {
        this.problems.push(`${entry.problem}, at byte ${start + entry.offset}`)
        continue
      }
      this.edits++
      this.end = start + entry.end
      try {
        this.apply(new ByteReader(entry.data))
      } catch (error) {
        if (!(error instanceof FormatError)) {
          throw error
        }
        this.problems.push(`an entry cannot be read: ${error.message}`)
      }
    }
    const problems = this.edits === 0 ? ['it has no whole entry'] : []
    return { ...this.state, tables: this.tables, problems: [...this.problems, ...problems] }
  }

  private apply(edit: ByteReader): void {
    const { state, tables } = this
    while (edit.left > 0) {
      const tag = edit.varint()
      switch (tag) {
        case 1: // The comparator's name.
          edit.sized()
          break
        case 2:
          state.logNumber = edit.varint()
          break
        case 3: // The next file's number.
          edit.varint()
          break
        case 4:
          state.lastSequence = edit.varint()
          break
        case 5: // Where the next compaction of a level begins.
          edit.varint()
          edit.sized()
          break
        case 6:
          edit.varint()
          tables.delete(edit.varint())
          break
        case 7: {
          edit.varint()
          const number = edit.varint()
          tables.set(number, edit.varint())
          edit.sized()
          edit.sized()
          break
        }
        case 9:
          state.prevLogNumber = edit.varint()
          break
        default:
          throw new FormatError(`tag ${tag} is unknown`)
      }
    }
  }
}
