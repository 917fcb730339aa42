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

  constructor(private readonly parts: StoreParts) {}

  /** Call it with the rows of each commit. */
  committed(rows: readonly Row[]): void {
    this.hasDropped ||= rows.some(([key, value]) => value === null && isSealKey(key))
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

  /** `SessionStore.compactSeals`. */
  async compact(): Promise<void> {
    if (this.hasDropped) {
      this.hasDropped = false
      await this.parts.database.compact(RANGES.seals).catch((error) => {
        this.hasDropped = true
        throw error
      })
    }
  }
}
