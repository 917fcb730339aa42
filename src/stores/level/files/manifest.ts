import { ByteReader, FormatError } from './bytes.js'
import { readLog } from './log.js'

/** What a manifest says of the other files of a database (`VersionEdit`, applied in order). */
export interface Manifest {
  /** Logs from this number on, and `prevLogNumber`, hold what is in no table yet. */
  readonly logNumber: number
  /** 0: none. */
  readonly prevLogNumber: number
  /** No row of a table has a larger one. */
  readonly lastSequence: number
  /** Sizes of the tables, by number. */
  readonly tables: ReadonlyMap<number, number>
  readonly problems: readonly string[]
}

export function readManifest(bytes: Buffer): Manifest {
  const problems: string[] = []
  const state = {
    ...{ logNumber: 0, prevLogNumber: 0, lastSequence: 0 },
    tables: new Map<number, number>(),
  }
  let edits = 0
  for (const entry of readLog(bytes)) {
    if ('problem' in entry) {
      problems.push(`${entry.problem}, at byte ${entry.offset}`)
      continue
    }
    edits++
    try {
      applyEdit(new ByteReader(entry.data), state)
    } catch (error) {
      if (!(error instanceof FormatError)) {
        throw error
      }
      problems.push(`an entry cannot be read: ${error.message}`)
    }
  }
  if (edits === 0) {
    problems.push('it has no whole entry')
  }
  return { ...state, problems }
}

function applyEdit(
  edit: ByteReader,
  state: {
    logNumber: number
    prevLogNumber: number
    lastSequence: number
    tables: Map<number, number>
  },
): void {
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
        state.tables.delete(edit.varint())
        break
      case 7: {
        edit.varint()
        const number = edit.varint()
        state.tables.set(number, edit.varint())
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
