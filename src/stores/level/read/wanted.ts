import type { ListQuery } from '../../../core/store.js'
import { requestTimeRange, TIME_BYTES, type TimeRange } from '../layout/keys.js'

/** The ranges of keys that a list is about: of open and of ended sessions, or of one of them. */
function rangesOf(query: ListQuery): TimeRange[] {
  const { active } = query
  return (active === undefined ? [true, false] : [active]).map((one) =>
    requestTimeRange(query, one),
  )
}

/** What a list wants of a walk over sorted keys, which may go beyond what it is about. */
export class Wanted {
  /** Of the page, as far as it was met. */
  readonly keys: Buffer[] = []
  /** How many keys it has met that it is about. */
  count = 0
  readonly ranges: readonly TimeRange[]
  /** Where the time begins in each key. */
  readonly timeOffset: number
  private hasPassed = false
  private readonly from: Buffer
  private readonly to: Buffer

  /** `known`: how many there are, where that is known without counting. */
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

  /** How many keys it wants to meet. */
  get length(): number {
    const { skip, take, total } = this.query
    return total && this.known === undefined ? Number.POSITIVE_INFINITY : skip + take
  }

  /** Whether it wants nothing more. */
  get isDone(): boolean {
    const { skip } = this.query
    const isBeyond = this.known !== undefined && skip >= this.known
    return this.hasPassed || isBeyond || this.count >= this.length
  }

  /** Of a walk to its end; null unless asked for. */
  get total(): number | null {
    return this.query.total ? (this.known ?? this.count) : null
  }

  /** The next keys of the walk. */
  meet(keys: readonly Buffer[]): void {
    const { skip, take } = this.query
    const begin = this.firstFrom(this.from, keys)
    const end = this.firstFrom(this.to, keys)
    this.hasPassed = end < keys.length
    // Where in `keys` the page begins and ends.
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
