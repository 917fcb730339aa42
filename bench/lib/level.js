import { Level } from 'level'

/**
 * A bare LevelDB directory with the encodings of the store. It opens at the first use.
 * @returns {Level<Buffer, Uint8Array>}
 */
export function openBare(location) {
  return new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
}
