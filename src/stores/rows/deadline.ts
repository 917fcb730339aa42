import type { Deadline, IdempotencyScope } from '../../core/store.js'
import { readSized, readTime } from './key-parts.js'
import { type KeyWriter, TIME_BYTES } from './key-writer.js'

const KINDS = ['session', 'idempotency'] as const

/** A deadline as part of a key: its time, its kind, and the id or scope. It is the last part. */
export function withDeadline(start: KeyWriter, deadline: Deadline): KeyWriter {
  const timed = start.time(deadline.timeMs)
  return deadline.kind === 'session'
    ? timed.byte(0).text(deadline.id)
    : withScope(timed.byte(1), deadline.scope)
}

/** Reverses `withDeadline`. Throws if the kind is none. */
export function readDeadline(part: Buffer): Deadline {
  const timeMs = readTime(part, 0)
  const kind = KINDS[part[TIME_BYTES] ?? -1]
  const rest = part.subarray(TIME_BYTES + 1)
  switch (kind) {
    case 'session':
      return { kind, timeMs, id: rest.toString() }
    case 'idempotency':
      return { kind, timeMs, scope: readScope(rest) }
    default:
      throw new Error(`no deadline: ${part.toString('hex')}`)
  }
}

/** An idempotency key as part of a key: owner and signer, then the key as the last part. */
export function withScope(start: KeyWriter, { owner, signer, key }: IdempotencyScope): KeyWriter {
  return start.sizedBytes(owner).sizedBytes(signer).text(key)
}

/** Reverses `withScope`. */
export function readScope(part: Buffer): IdempotencyScope {
  const [owner, afterOwner] = readSized(part)
  const [signer, key] = readSized(afterOwner)
  // Copies: slices would keep the whole key in memory.
  return { owner: new Uint8Array(owner), signer: new Uint8Array(signer), key: key.toString() }
}
