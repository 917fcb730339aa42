import { createHash } from 'node:crypto'
import { SessionEnding, WatchResponse_Body } from '#generated/sessiond/v1/tokens'
import type { SessionEnding as Ending } from '../../../core/session.js'
import { uuidBytes } from '../../../core/uuid.js'

export const HASH_BYTES = 32
/** Of one message: readers take so many fields. */
const MAX_ENDINGS = 128
const NO_BYTES = new Uint8Array(0)

/** What the messages of a stream say. */
export interface ChainPart {
  readonly endings: readonly Ending[]
  /** Absent: as before. */
  readonly cursor?: Uint8Array
  /** null: nothing is said. */
  readonly timeMs: number | null
  readonly isFull?: boolean
}

/** Encodes the messages of a part of a stream, with the running hash that ties each to those before it. */
export class WatchChain {
  /** `hash`: what it begins with; `request`: the digest of the request that the part answers. */
  constructor(
    public hash: Uint8Array,
    private readonly request: Uint8Array = NO_BYTES,
  ) {}

  /** The bodies of the next messages, at least one. `nextHash`: with what the second part begins, if this ends the first. */
  bodies(part: ChainPart, nextHash: Uint8Array = NO_BYTES): Uint8Array[] {
    const { endings, cursor = NO_BYTES, timeMs, isFull = false } = part
    const count = Math.max(1, Math.ceil(endings.length / MAX_ENDINGS))
    return Array.from({ length: count }, (_, i) => {
      const told = endings.slice(i * MAX_ENDINGS, (i + 1) * MAX_ENDINGS).map(endingMessage)
      this.hash = told.reduce(hashAfter, this.hash)
      const isLast = i === count - 1
      return WatchResponse_Body.encode({
        request: this.request,
        endings: told,
        cursor: isLast ? cursor : NO_BYTES,
        hash: this.hash,
        nextHash: isLast ? nextHash : NO_BYTES,
        isFull: isFull && i === 0,
        timeMs: BigInt(isLast ? (timeMs ?? 0) : 0),
      }).finish()
    })
  }
}

function endingMessage({ id, endTimeMs, reason, exp }: Ending): SessionEnding {
  return { id: uuidBytes(id), endTimeMs: BigInt(endTimeMs), reason, exp }
}

function hashAfter(hash: Uint8Array, ending: SessionEnding): Uint8Array {
  return createHash('sha256').update(hash).update(SessionEnding.encode(ending).finish()).digest()
}
