import type { Snapshot } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'
import { count, type Read, SLICE_BYTES, scan, slices } from './scan.js'

/** Rows in a slice: decoding them and looking up others takes a few milliseconds of the event loop. */
const SLICE_RECORDS = 100

export type Slice = [key: Buffer, value: Uint8Array][]

/**
 * A snapshot for long reads. Each slice is a read of its own, so reopening or closing the database does not wait for a
 * slow reader; its next read throws StoreUnavailableError.
 */
export class View {
  private constructor(
    private readonly read: Read,
    private readonly snapshot: Snapshot,
  ) {}

  /**
   * `onDamaged` receives the key of each damaged row, which is then skipped; without it reads throw. Once `signal` is
   * aborted, every read throws its reason.
   */
  static async open(
    read: Read,
    onDamaged?: (key: Buffer) => void,
    signal?: AbortSignal,
  ): Promise<View> {
    const tolerating: Read =
      onDamaged === undefined ? read : (fn) => read((level) => fn(level.tolerating(onDamaged)))
    const stoppable: Read =
      signal === undefined
        ? tolerating
        : async (fn) => {
            signal.throwIfAborted()
            return tolerating(fn)
          }
    return new View(stoppable, await read((level) => level.snapshot()))
  }

  close(): Promise<void> {
    return this.snapshot.close()
  }

  /** The rows of a range, in slices of 100 rows or some 256 KiB. */
  rows({ gte, lt }: KeyRange): AsyncGenerator<Slice, void> {
    const walking = { gte, lt, snapshot: this.snapshot, highWaterMarkBytes: SLICE_BYTES }
    return slices(this.read, (level) => level.iterator(walking), SLICE_RECORDS)
  }

  /** Counts the rows without a checksum, which an earlier release wrote. */
  countUnchecked(): Promise<number> {
    const { snapshot } = this
    return this.read((level) => level.countUnchecked({ snapshot }))
  }

  /** The keys of a range in slices of at most `size`. */
  keys(range: KeyRange, size?: number): AsyncGenerator<Buffer[], void> {
    return scan(this.read, range, { snapshot: this.snapshot }, size)
  }

  /** Counts the rows of a range, including damaged ones. */
  count(range: KeyRange): Promise<number> {
    return count(this.keys(range))
  }

  /** The values of these keys; undefined for missing ones. Ask for few, or small ones. */
  values(keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
    const { snapshot } = this
    return keys.length === 0
      ? Promise.resolve([])
      : this.read((level) => level.getMany(keys, { snapshot }))
  }

  async value(key: Buffer): Promise<Uint8Array | undefined> {
    const [value] = await this.values([key])
    return value
  }
}

/** How long such reads may compute before other work runs. */
const TURN_MS = 2

/** Loops that wait for their turn. */
const waiting: (() => void)[] = []
let turnBeganAtMs = performance.now()

/**
 * Yields to the event loop if the current turn has lasted too long. Call it in loops that compute much. All such loops
 * together take one turn at a time.
 */
export async function giveWay(): Promise<void> {
  if (performance.now() - turnBeganAtMs > TURN_MS) {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 1) {
        setImmediate(takeTurn)
      }
    })
  }
}

function takeTurn(): void {
  turnBeganAtMs = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) {
    setImmediate(takeTurn)
  }
}
