import type { Deadline } from '../../../core/store.js'
import type { ByteLevel } from '../byte-level.js'
import type { Row } from '../database.js'
import { deadlineRange, isDeadlineKey, type KeyRange, RANGES } from '../layout/keys.js'
import { storedDeadline } from '../layout/stored.js'
import { SLICE_BYTES, SLICE_ROWS } from '../read/scan.js'

/**
 * Reads deadlines from the earliest that can be left. Those that were settled lie before it as
 * deleted keys, and LevelDB walks these one by one until it compacts them.
 */
export class DeadlineQueue {
  /** No committed deadline lies before this key; null where nothing is known. */
  private start: Buffer | null = null
  /** The earliest key armed since the walk under way began. */
  private armed: Buffer | null = null

  /** Damaged rows that were told of: each walk may meet them anew. */
  private readonly told = new Set<string>()

  /** `onDamaged`: is told once of a deadline whose row is damaged, and which is passed over. */
  constructor(private readonly onDamaged: (key: Buffer) => void = () => {}) {}

  /** These rows were committed. */
  committed(rows: readonly Row[]): void {
    for (const [key, value] of rows) {
      if (value !== null && isDeadlineKey(key)) {
        this.start = this.start && earlier(key, this.start)
        this.armed = earlier(key, this.armed ?? key)
      }
    }
  }

  /** Nothing is known any more. */
  reset(): void {
    this.start = null
  }

  /** Deadlines before `timeMs`, earliest first. One call at a time. Reads nothing where none is due yet. */
  async due(level: ByteLevel, timeMs: number, limit: number): Promise<Deadline[]> {
    const { gte, lt } = deadlineRange(timeMs)
    const start = this.start ?? gte
    if (limit <= 0 || start.compare(lt) >= 0) {
      return []
    }
    this.armed = null
    const checked = level.tolerating((key) => this.tell(key))
    const keys = await checkedKeys(checked, { gte: start, lt, limit })
    const [left = RANGES.deadlines.lt] =
      keys.length > 0
        ? keys
        : await checkedKeys(checked, { gte: lt, lt: RANGES.deadlines.lt, limit: 1 })
    // What was armed meanwhile may be too late for this walk's snapshot.
    this.start = earlier(left, this.armed ?? left)
    return keys.map(storedDeadline)
  }

  private tell(key: Buffer): void {
    const name = key.toString('latin1')
    if (!this.told.has(name)) {
      this.told.add(name)
      this.onDamaged(key)
    }
  }
}

/** The keys of the first `limit` rows whose checksums are right: damaged ones do not count. */
async function checkedKeys(
  level: ByteLevel,
  { limit, ...range }: KeyRange & { readonly limit: number },
): Promise<Buffer[]> {
  const rows = level.iterator({ ...range, highWaterMarkBytes: SLICE_BYTES })
  const keys: Buffer[] = []
  try {
    while (keys.length < limit) {
      const slice = await rows.nextv(Math.min(SLICE_ROWS, limit - keys.length))
      if (slice.length === 0) {
        break
      }
      keys.push(...slice.map(([key]) => key))
    }
    return keys
  } finally {
    await rows.close()
  }
}

function earlier(a: Buffer, b: Buffer): Buffer {
  return a.compare(b) <= 0 ? a : b
}
