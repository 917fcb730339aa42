import type { Snapshot } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'
import { count, type Read, SLICE_BYTES, scan, slices } from './scan.js'

/** Rows to decode, and to look others up for, in one turn of the event loop. */
const SLICE_RECORDS = 100

export type Slice = [key: Buffer, value: Uint8Array][]

/**
 * The store at one moment, for reads that take long. Each slice is a read of its own, so that neither
 * reopening nor closing the database waits for a slow reader, who then gets a StoreUnavailableError.
 */
export class View {
  private constructor(
    private readonly read: Read,
    private readonly snapshot: Snapshot,
  ) {}

  /** `onDamaged`: is told of each damaged row that is met, which is then left out; else reads throw. */
  static async open(read: Read, onDamaged?: (key: Buffer) => void): Promise<View> {
    const tolerating: Read =
      onDamaged === undefined ? read : (fn) => read((level) => fn(level.tolerating(onDamaged)))
    return new View(tolerating, await read((level) => level.snapshot()))
  }

  close(): Promise<void> {
    return this.snapshot.close()
  }

  /** The rows of a range in slices of 100, or of some 256 KiB. */
  rows({ gte, lt }: KeyRange): AsyncGenerator<Slice, void> {
    const walking = { gte, lt, snapshot: this.snapshot, highWaterMarkBytes: SLICE_BYTES }
    return slices(this.read, (level) => level.iterator(walking), SLICE_RECORDS)
  }

  /** How many rows have no checksum, since an earlier release wrote them. */
  countUnchecked(): Promise<number> {
    const { snapshot } = this
    return this.read((level) => level.countUnchecked({ snapshot }))
  }

  /** The keys of a range in slices of at most `size`. */
  keys(range: KeyRange, size?: number): AsyncGenerator<Buffer[], void> {
    return scan(this.read, range, { snapshot: this.snapshot }, size)
  }

  /** How many rows a range has, damaged ones too. Throws the signal's reason. */
  count(range: KeyRange, signal?: AbortSignal): Promise<number> {
    return count(this.keys(range), signal)
  }

  /** The values of these keys, undefined where there is none. Few, or small ones. */
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

/** How long such reads may compute before other work gets its turn. */
const TURN_MS = 2

/** Loops that wait for their turn. */
const waiting: (() => void)[] = []
let turnBeganMs = performance.now()

/**
 * For loops that compute much over what they read: lets other work go on before it waits too long. All loops together
 * have one turn at a time, however many there are.
 */
export async function giveWay(): Promise<void> {
  if (performance.now() - turnBeganMs > TURN_MS) {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 1) {
        setImmediate(takeTurn)
      }
    })
  }
}

function takeTurn(): void {
  turnBeganMs = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) {
    setImmediate(takeTurn)
  }
}
