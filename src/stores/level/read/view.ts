import type { ByteLevel, Snapshot } from '../byte-level.js'
import type { KeyRange } from '../layout/keys.js'
import { SLICE_BYTES, SLICE_ROWS } from './scan.js'

/** Runs a function that only reads, as `Database.read` does. */
export type Read = <T>(fn: (level: ByteLevel) => T | Promise<T>) => Promise<T>

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
  async *rows({ gte, lt }: KeyRange): AsyncGenerator<Slice, void> {
    const { snapshot } = this
    const rows = await this.read((level) =>
      level.iterator({ gte, lt, snapshot, highWaterMarkBytes: SLICE_BYTES }),
    )
    try {
      for (;;) {
        const slice = await this.read(() => rows.nextv(SLICE_RECORDS))
        if (slice.length === 0) {
          return
        }
        yield slice
      }
    } finally {
      await rows.close()
    }
  }

  /** How many rows have no checksum, since an earlier release wrote them. */
  countUnchecked(): Promise<number> {
    const { snapshot } = this
    return this.read((level) => level.countUnchecked({ snapshot }))
  }

  /** The keys of a range in slices of 500. */
  async *keys({ gte, lt }: KeyRange): AsyncGenerator<Buffer[], void> {
    const { snapshot } = this
    const keys = await this.read((level) =>
      level.keys({ gte, lt, snapshot, highWaterMarkBytes: SLICE_BYTES }),
    )
    try {
      for (;;) {
        const slice = await this.read(() => keys.nextv(SLICE_ROWS))
        if (slice.length === 0) {
          return
        }
        yield slice
      }
    } finally {
      await keys.close()
    }
  }

  /** How many rows a range has, damaged ones too. */
  async count(range: KeyRange): Promise<number> {
    let total = 0
    for await (const slice of this.keys(range)) {
      total += slice.length
    }
    return total
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
