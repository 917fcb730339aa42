import type { Level } from 'level'
import { withoutChecksum } from '../rows/checksum.js'
import type { KeyRange } from './layout/keys.js'
import { damagedRow } from './layout/row-name.js'

export type RawLevel = Level<Buffer, Uint8Array>

export type Snapshot = ReturnType<RawLevel['snapshot']>

/** What a read sees: this snapshot, or else the current state. */
export interface Reading {
  readonly snapshot?: Snapshot
}

export interface Walking extends Reading, Partial<KeyRange> {
  readonly limit?: number
  readonly highWaterMarkBytes?: number
  readonly reverse?: boolean
}

export type StoredRow = [key: Buffer, value: Uint8Array]

/** Which rows have no checksum yet, since an earlier release wrote them. */
export type IsUnchecked = (key: Buffer) => boolean

const NONE: IsUnchecked = () => false

/** For keys that are counted, not read: bounds stay bytes, and each key becomes an empty text. */
const UNREAD = {
  name: 'unread',
  format: 'utf8' as const,
  encode: (bound: Buffer) => bound as unknown as string,
  decode: (text: string) => text as unknown as Buffer,
}

/**
 * Reads rows and verifies the checksum over key and value of each. Throws StoreDamagedError, which names the row but
 * never its content.
 */
export class ByteLevel {
  /** `onDamaged` receives the key of each damaged row, which then counts as absent; without it reads throw. */
  constructor(
    private readonly raw: RawLevel,
    private readonly isUnchecked: IsUnchecked = NONE,
    private readonly onDamaged?: (key: Buffer) => void,
  ) {}

  /** The same rows, for reads that go on past damaged ones. */
  tolerating(onDamaged: (key: Buffer) => void): ByteLevel {
    return new ByteLevel(this.raw, this.isUnchecked, onDamaged)
  }

  getSync(key: Buffer, at: Reading = {}): Uint8Array | undefined {
    return this.checked(key, this.raw.getSync(key, at))
  }

  async getMany(keys: Buffer[], at: Reading = {}): Promise<(Uint8Array | undefined)[]> {
    const values = await this.raw.getMany(keys, at)
    return values.map((stored, i) => this.checked(keys[i] as Buffer, stored))
  }

  /** To be closed. */
  iterator(walking: Walking = {}): RowIterator {
    const rows = this.raw.iterator(walking)
    return {
      nextv: async (size) => {
        for (;;) {
          const slice = await rows.nextv(size)
          const checked = this.allChecked(slice)
          if (checked.length > 0 || slice.length === 0) {
            return checked
          }
        }
      },
      all: async () => this.allChecked(await rows.all()),
      close: () => rows.close(),
    }
  }

  /** Keys alone, unverified: for counting, or if a verified record repeats what the key says. */
  keys(walking: Walking = {}) {
    // The binding makes a value for each key, too. An empty text costs it less than an empty buffer.
    const unread = { valueEncoding: 'utf8' }
    return this.raw.keys({ ...walking, ...unread })
  }

  /** Counts keys without reading them. */
  async count(walking: Walking & Required<Pick<Walking, 'limit'>>): Promise<number> {
    const unread = { keys: false, keyEncoding: UNREAD, valueEncoding: 'utf8' }
    const rows = await this.raw.iterator({ ...walking, ...unread }).all()
    return rows.length
  }

  /** To be closed. */
  snapshot(): Snapshot {
    return this.raw.snapshot()
  }

  /** Counts the rows without a checksum. Walks all rows in a store of an earlier release, none otherwise. */
  async countUnchecked(at: Reading = {}): Promise<number> {
    if (this.isUnchecked === NONE) {
      return 0
    }
    let total = 0
    for await (const key of this.raw.keys(at)) {
      total += this.isUnchecked(key) ? 1 : 0
    }
    return total
  }

  private allChecked(rows: readonly StoredRow[]): StoredRow[] {
    return rows.flatMap(([key, stored]): StoredRow[] => {
      const value = this.checked(key, stored)
      return value === undefined ? [] : [[key, value]]
    })
  }

  private checked(key: Buffer, stored: Uint8Array | undefined): Uint8Array | undefined {
    if (stored === undefined || this.isUnchecked(key)) {
      return stored
    }
    const value = withoutChecksum(key, stored)
    if (value === undefined) {
      if (this.onDamaged === undefined) {
        throw damagedRow(key)
      }
      this.onDamaged(key)
    }
    return value
  }
}

export interface RowIterator {
  /** At most `size` of the next rows; none at the end. */
  nextv(size: number): Promise<StoredRow[]>
  /** All that are left. */
  all(): Promise<StoredRow[]>
  close(): Promise<void>
}
