import type { MintRequest } from './job.js'

type Lifetime = MintRequest['lifetime']

export const LENGTH_BYTES = 4
export const NUMBER_BYTES = 8

/** Two, so that a thread has its next batch at hand when it ends one. */
export const SLOTS = 2

/** The counter comes before the slots. */
const COUNTER_BYTES = 8

/** Counts the batches that the other thread has ended. For `Atomics`. */
export function counterOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, 1)
}

/** Where the batch of this number goes, counted from 0. */
export function slotOf(memory: SharedArrayBuffer, batch: number): Buffer {
  const length = Math.floor((memory.byteLength - COUNTER_BYTES) / SLOTS)
  return Buffer.from(memory, COUNTER_BYTES + (batch % SLOTS) * length, length)
}

/** Writes one part after the other. Numbers are little-endian; what is `sized` has its length before it, as a u32. */
export class Writer {
  private pos = 0

  constructor(private readonly bytes: Buffer) {}

  get length(): number {
    return this.pos
  }

  u8(value: number): void {
    this.bytes[this.pos++] = value
  }

  u32(value: number): void {
    this.pos = this.bytes.writeUInt32LE(value, this.pos)
  }

  u64(value: bigint): void {
    this.pos = this.bytes.writeBigUInt64LE(value, this.pos)
  }

  f64(value: number): void {
    this.pos = this.bytes.writeDoubleLE(value, this.pos)
  }

  lifetime({ exp, nbf, iat }: Lifetime): void {
    this.u64(exp)
    this.u64(nbf)
    this.u64(iat)
  }

  fixed(value: Uint8Array): void {
    this.bytes.set(value, this.pos)
    this.pos += value.length
  }

  sized(value: Uint8Array): void {
    this.u32(value.length)
    this.fixed(value)
  }
}

export class Reader {
  private pos = 0

  constructor(private readonly bytes: Buffer) {}

  u8(): number {
    return this.bytes[this.pos++] as number
  }

  u32(): number {
    this.pos += LENGTH_BYTES
    return this.bytes.readUInt32LE(this.pos - LENGTH_BYTES)
  }

  u64(): bigint {
    this.pos += NUMBER_BYTES
    return this.bytes.readBigUInt64LE(this.pos - NUMBER_BYTES)
  }

  f64(): number {
    this.pos += NUMBER_BYTES
    return this.bytes.readDoubleLE(this.pos - NUMBER_BYTES)
  }

  lifetime(): Lifetime {
    return { exp: this.u64(), nbf: this.u64(), iat: this.u64() }
  }

  fixed(length: number): Buffer {
    this.pos += length
    return this.bytes.subarray(this.pos - length, this.pos)
  }

  sized(): Buffer {
    return this.fixed(this.u32())
  }
}
