import { crc32c, masked } from '../../src/stores/level/files/crc32c.js'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7

/** A log in LevelDB's format with these writes in it. */
export function logOf(writes: readonly Buffer[]): Buffer {
  const log: Buffer[] = []
  let length = 0
  const add = (bytes: Buffer) => {
    log.push(bytes)
    length += bytes.length
  }
  for (const write of writes) {
    let rest = write
    for (let isFirst = true; isFirst || rest.length > 0; isFirst = false) {
      const left = BLOCK_BYTES - (length % BLOCK_BYTES)
      if (left < HEADER_BYTES) {
        add(Buffer.alloc(left))
      }
      const room = BLOCK_BYTES - (length % BLOCK_BYTES) - HEADER_BYTES
      const data = rest.subarray(0, room)
      rest = rest.subarray(data.length)
      const isLast = rest.length === 0
      add(recordOf(isFirst ? (isLast ? 1 : 2) : isLast ? 4 : 3, data))
    }
  }
  return Buffer.concat(log)
}

function recordOf(type: number, data: Buffer): Buffer {
  const record = Buffer.concat([Buffer.alloc(HEADER_BYTES), data])
  record.writeUInt16LE(data.length, 4)
  record[6] = type
  record.writeUInt32LE(masked(crc32c(record.subarray(6))))
  return record
}
