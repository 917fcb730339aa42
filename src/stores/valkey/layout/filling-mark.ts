import { StoreDamagedError } from '../../../core/errors.js'
import { withChecksum, withoutChecksum } from '../../rows/checksum.js'
import { attempt } from '../../rows/record.js'
import { FILLING_KEY } from './keys.js'

const DIGEST = /^(?:[0-9a-f]{64})?$/

/** How far an earlier run came. */
export interface Progress {
  /** The items that are written, from the first on. */
  readonly items: number
  /** SHA-256 of these items, in hexadecimal. */
  readonly sha256: string
}

/** What is in the place of the facts about a store while a restore or a migration fills it. */
export interface Mark extends Progress {
  /** Where the items come from; null: from a file, which is not gone on with. */
  readonly source: string | null
}

/** No two runs write the same one: `run` is the name of the run. */
export function fillingValue({ source, items, sha256 }: Mark, run: string): Buffer {
  const text = JSON.stringify({ source, items, sha256, run })
  return withChecksum(Buffer.from(FILLING_KEY), Buffer.from(text))
}

/** Throws StoreDamagedError. `location` is for messages. */
export function readFilling(stored: Buffer, location: string): Mark {
  const name = `${location}: the mark of what fills it`
  const value = withoutChecksum(Buffer.from(FILLING_KEY), stored)
  if (value === undefined) {
    throw new StoreDamagedError(`${name} fails its checksum`)
  }
  const { source, items, sha256 } = attempt(name, () => Object(JSON.parse(`${Buffer.from(value)}`)))
  if (
    (source !== null && typeof source !== 'string') ||
    !Number.isSafeInteger(items) ||
    items < 0 ||
    typeof sha256 !== 'string' ||
    !DIGEST.test(sha256)
  ) {
    throw new StoreDamagedError(`${name} is not whole`)
  }
  return { source, items, sha256 }
}
