interface Node {
  readonly id: string
  timeMs: number
}

/** How many stale nodes may stay before the heap is rebuilt. */
const SPARE_NODES = 64

/**
 * Finds the entry with the earliest time: a binary heap whose nodes may be stale. A stale node is corrected when it
 * reaches the top. So moving an entry to a later time, as every request does with its session, costs nothing.
 */
export class Oldest {
  private heap: Node[] = []

  /** `timeOf`: the current time of an id; undefined if it is gone. */
  constructor(
    private readonly timeOf: (id: string) => number | undefined,
    private readonly entries: { readonly size: number; keys(): Iterable<string> },
  ) {}

  /** Call it for an id that is new or has an earlier time than before. */
  add(id: string, timeMs: number): void {
    if (this.heap.length > 2 * this.entries.size + SPARE_NODES) {
      this.rebuild()
    } else {
      this.heap.push({ id, timeMs })
      this.raise(this.heap.length - 1)
    }
  }

  /** The entry with the earliest time; undefined if there is none. */
  first(): { readonly id: string; readonly timeMs: number } | undefined {
    for (;;) {
      const [top] = this.heap
      const timeMs = top && this.timeOf(top.id)
      if (top === undefined || timeMs === top.timeMs) {
        return top
      }
      if (timeMs === undefined) {
        const last = this.heap.pop() as Node
        if (this.heap.length > 0) {
          this.heap[0] = last
        }
      } else {
        top.timeMs = timeMs
      }
      this.sink(0)
    }
  }

  private rebuild(): void {
    this.heap = Array.from(this.entries.keys(), (id) => ({ id, timeMs: this.timeOf(id) ?? 0 }))
    for (let at = this.heap.length >> 1; at >= 0; at--) {
      this.sink(at)
    }
  }

  private raise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.swapWhereLater(parent, at)) {
        return
      }
      at = parent
    }
  }

  private sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1
      const earlier = this.timeAt(left + 1) < this.timeAt(left) ? left + 1 : left
      if (!this.swapWhereLater(at, earlier)) {
        return
      }
      at = earlier
    }
  }

  /** Swaps two nodes if the upper one is later. Returns whether it did. */
  private swapWhereLater(upper: number, lower: number): boolean {
    const [above, below] = [this.heap[upper], this.heap[lower]]
    if (above === undefined || below === undefined || above.timeMs <= below.timeMs) {
      return false
    }
    this.heap[upper] = below
    this.heap[lower] = above
    return true
  }

  private timeAt(at: number): number {
    return this.heap[at]?.timeMs ?? Number.POSITIVE_INFINITY
  }
}
