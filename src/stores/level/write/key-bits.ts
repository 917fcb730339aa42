const BITS_PER_KEY = 10
/** One line of a processor's cache, so that a key costs one access to memory. */
const BLOCK_BYTES = 64
const BLOCK_BITS = 8 * BLOCK_BYTES
const BITS_OF_KEY = 6
/** 13 million keys with 10 bits each. With more keys, more that were never added look as if they were. */
const MOST_BYTES = 16 * 1024 * 1024

/**
 * A blocked Bloom filter: all bits of a key are in one block (Putze, Sanders and Singler, “Cache-, Hash- and
 * Space-Efficient Bloom Filters”, 2007). A key that was added is always known. Of those that were not, about one of a
 * hundred looks as if it was, as long as there is room.
 */
export class KeyBits {
  private readonly bytes: Uint8Array
  /** The first bits of a hash, without so many, are the number of a block. */
  private readonly blockShift: number
  private room: number
  private added = 0

  /** `room`: for how many keys. Takes a power of two of bytes: 128 at least, 16 MiB at most. */
  constructor(room: number) {
    const blocks = Math.min(room * BITS_PER_KEY, 8 * MOST_BYTES) / BLOCK_BITS
    const blockNumberBits = Math.max(1, Math.ceil(Math.log2(blocks)))
    this.bytes = new Uint8Array(BLOCK_BYTES << blockNumberBits)
    this.blockShift = 32 - blockNumberBits
    this.room = Math.floor((8 * this.bytes.length) / BITS_PER_KEY)
  }

  get isFull(): boolean {
    return this.added > this.room
  }

  /** Makes room for as many keys as were added, even where their bits are not enough. */
  makeRoom(): void {
    this.room = Math.max(this.room, 2 * this.added)
  }

  add(key: Uint8Array): void {
    const { block, first, step } = this.placeOf(key)
    for (let i = 0; i < BITS_OF_KEY; i++) {
      const bit = (first + i * step) % BLOCK_BITS
      const at = block + (bit >>> 3)
      this.bytes[at] = (this.bytes[at] as number) | (1 << (bit & 7))
    }
    this.added++
  }

  mayHold(key: Uint8Array): boolean {
    const { block, first, step } = this.placeOf(key)
    for (let i = 0; i < BITS_OF_KEY; i++) {
      const bit = (first + i * step) % BLOCK_BITS
      if (((this.bytes[block + (bit >>> 3)] as number) & (1 << (bit & 7))) === 0) {
        return false
      }
    }
    return true
  }

  /** Its block, its first bit there, and how far the others are apart. */
  private placeOf(key: Uint8Array): { block: number; first: number; step: number } {
    const hash = hashOf(key)
    const inBlock = mixed(hash ^ 0x5bd1e995)
    return {
      block: BLOCK_BYTES * (mixed(hash) >>> this.blockShift),
      first: inBlock % BLOCK_BITS,
      // Odd, so that no two bits are one.
      step: (inBlock >>> 16) | 1,
    }
  }
}

/** FNV-1a. */
function hashOf(key: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ (key[i] as number), 0x01000193)
  }
  return hash
}

/** The end of MurmurHash3, by which each bit of the result depends on each of the hash. */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
