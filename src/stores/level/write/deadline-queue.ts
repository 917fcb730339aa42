import type { Deadline } from '../../../core/store.js'
import type { ByteLevel } from '../byte-level.js'
import type { Row } from '../database.js'
import { deadlineRange, isDeadlineKey, type KeyRange, RANGES } from '../layout/keys.js'
import { storedDeadline } from '../layout/stored.js'
import { SLICE_BYTES, SLICE_ROWS } from '../read/scan.js'

/**
 * Reads deadlines, and remembers where the earliest one can be: LevelDB walks the deleted keys of settled deadlines one
 * by one until it compacts them.
 */
export class DeadlineQueue {
  /** No committed deadline sorts before this key; null if nothing is known. */
  private start: Buffer | null = null
  /** The earliest key that was armed since the current walk began. */
  private armed: Buffer | null = null

  /** Damaged rows already reported: each walk may meet them again. */
  private readonly told = new Set<string>()

  /** `onDamaged` receives the key of each damaged deadline, once. Walks skip it. */
  constructor(private readonly onDamaged: (key: Buffer) => void = () => {}) {}

  /** Call it with the rows of each commit. */
  committed(rows: readonly Row[]): void {
    for (const [key, value] of rows) {
      if (value !== null && isDeadlineKey(key)) {
        this.start = this.start && earlier(key, this.start)
        this.armed = earlier(key, this.armed ?? key)
      }
    }
  }

  /** Forgets everything: the database was reopened. */
  reset(): void {
    this.start = null
  }

  /** Deadlines before `timeMs`, earliest first. One call at a time. Reads nothing if none can be due. */
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
    // The walk's snapshot may miss what was armed meanwhile.
    this.start = earlier(left, this.armed ?? left)
    return keys.map((key) => storedDeadline(key))
  }

  private tell(key: Buffer): void {
    const name = key.toString('latin1')
    if (!this.told.has(name)) {
      this.told.add(name)
      this.onDamaged(key)
    }
  }
}

/** The keys of the first `limit` undamaged rows. */
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
