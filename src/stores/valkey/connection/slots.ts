/** A cluster of the engine divides its keys into so many slots, by a hash of the key. */
export const SLOTS = 16_384

/** The hash tag of a shard. Keys that contain it lie in one slot, and so on one master. */
export function shardTag(shard: number): string {
  return `{sd:${`${shard}`.padStart(3, '0')}}`
}

/** The slot of each shard. */
export function slotsOfShards(shards: number): readonly number[] {
  return Array.from({ length: shards }, (_, shard) => slotOf(shardTag(shard)))
}

/** The slot of a key: CRC16 of its hash tag (the text between the first braces), or of all of it. */
export function slotOf(key: string): number {
  const [, tag] = /^[^{]*\{([^}]+)\}/.exec(key) ?? []
  return crc16(Buffer.from(tag ?? key)) % SLOTS
}

/** CRC-16/XMODEM, as the cluster specification says. */
function crc16(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) {
      crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
    }
  }
  return crc
}
