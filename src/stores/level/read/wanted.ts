import type { ListQuery } from '../../../core/store-lists.js'
import { TIME_BYTES } from '../../rows/key-writer.js'
import { requestTimeRange, type TimeRange } from '../layout/keys.js'

/** The key ranges of a list: of open sessions, of ended ones, or of both. */
export function rangesOf(query: Partial<ListQuery>): TimeRange[] {
  const { active } = query
  return (active === undefined ? [true, false] : [active]).map((one) =>
    requestTimeRange(query, one),
  )
}

/** Collects the keys of one list's page from a walk over sorted keys, which may exceed the list's range. */
export class Wanted {
  /** The page's keys so far. */
  readonly keys: Buffer[] = []
  /** The number of matching keys so far. */
  count = 0
  readonly ranges: readonly TimeRange[]
  /** The offset of the time in each key. */
  readonly timeOffset: number
  private hasPassed = false
  private readonly from: Buffer
  private readonly to: Buffer

  /** `known` is the total, if it is known without counting. */
  constructor(
    readonly query: ListQuery,
    private readonly known?: number,
  ) {
    this.ranges = rangesOf(query)
    const [{ gte, lt, timeOffset }] = this.ranges as [TimeRange]
    this.timeOffset = timeOffset
    this.from = gte.subarray(timeOffset)
    this.to = lt.subarray(timeOffset)
  }

  /** How many matching keys it needs. */
  get length(): number {
    const { skip, take, total } = this.query
    return total && this.known === undefined ? Number.POSITIVE_INFINITY : skip + take
  }

  /** Whether it needs no more keys. */
  get isDone(): boolean {
    const { skip } = this.query
    const isBeyond = this.known !== undefined && skip >= this.known
    return this.hasPassed || isBeyond || this.count >= this.length
  }

  /** The total, after the walk; null unless asked for. */
  get total(): number | null {
    return this.query.total ? (this.known ?? this.count) : null
  }

  /** Takes the next keys of the walk. */
  meet(keys: readonly Buffer[]): void {
    const { skip, take } = this.query
    const begin = this.firstFrom(this.from, keys)
    const to = this.firstFrom(this.to, keys)
    this.hasPassed = to < keys.length
    // In a range that ends before it begins nothing matches; a shared walk shows its keys all the same.
    const end = Math.max(begin, to)
    // The page's offset in `keys`.
    const offset = begin - this.count
    const last = Math.min(offset + skip + take, end)
    for (let i = Math.max(offset + skip, begin); i < last; i++) {
      this.keys.push(keys[i] as Buffer)
    }
    this.count += end - begin
  }

  /** Index of the first key whose time is not before `bound`. */
  private firstFrom(bound: Buffer, keys: readonly Buffer[]): number {
    const isBefore = (key: Buffer | undefined) =>
      key !== undefined &&
      key.compare(bound, 0, TIME_BYTES, this.timeOffset, this.timeOffset + TIME_BYTES) < 0
    if (!isBefore(keys[0])) {
      return 0
    }
    if (isBefore(keys.at(-1))) {
      return keys.length
    }
    let low = 0
    let high = keys.length - 1
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (isBefore(keys[middle])) {
        low = middle
      } else {
        high = middle
      }
    }
    return high
  }
}
