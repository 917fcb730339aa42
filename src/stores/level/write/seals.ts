import { Slots } from '../../../core/slots.js'
import type { ChangeSeal } from '../../../core/store.js'
import { sessionLock } from '../../locks.js'
import type { Row } from '../database.js'
import { isSealKey, RANGES, sealKey } from '../layout/keys.js'
import { readSession } from '../read/lookup.js'
import type { StoreParts } from './writer.js'

/** Replaces seals, and removes deleted ones from the files. */
export class Seals {
  /** Whether any were deleted or replaced since the last compaction. Unknown at first, so true. */
  private hasDropped = true
  /** What the last compaction wrote to have something to merge: no seals. */
  private merged: readonly Row[] = []
  private readonly turn = new Slots(1)

  constructor(private readonly parts: StoreParts) {}

  /** Call it with the rows of each commit. */
  committed(rows: readonly Row[]): void {
    this.hasDropped ||= rows.some((row) => {
      const [key, value] = row
      return value === null && isSealKey(key) && !this.merged.includes(row)
    })
  }

  /** Forgets everything: a failed commit may have reached the disk. */
  reset(): void {
    this.hasDropped = true
  }

  /** `SessionStore.reseal`. */
  reseal(id: string, change: ChangeSeal): Promise<void> {
    const { database, locks, writer } = this.parts
    return locks.hold([sessionLock(id)], async () => {
      const key = sealKey(id)
      const [session, seal] = await database.read((level) => [
        readSession(level, id),
        level.getSync(key),
      ])
      const changed = session && seal && (await change(session, Uint8Array.from(seal)))
      if (changed) {
        await writer.write([[key, changed]], [])
        this.hasDropped = true
      }
    })
  }

  /** `SessionStore.compactSeals`. Waits for one that is under way: it may remove what this caller wants to be gone. */
  compact(): Promise<void> {
    return this.turn.run(async () => {
      if (!this.hasDropped) {
        return
      }
      const { database, writer } = this.parts
      const write = (rows: readonly Row[]) => {
        this.merged = rows
        return writer.write(rows, [], false)
      }
      this.hasDropped = false
      await database.compact(RANGES.seals, write).catch((error) => {
        this.hasDropped = true
        throw error
      })
    })
  }
}
