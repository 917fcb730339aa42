import type { Deadline, IdempotencyScope } from '../../../core/store.js'
import { readDeadline, readScope } from '../../rows/deadline.js'
import { readSized, sized, timeBytes } from '../../rows/key-parts.js'
import { deadlineKey, deadlineOf, entryKey, scopeOf } from './keys.js'

/** It had no endings. */
export const UNTOLD_LAYOUT_VERSION = 4
/** In layout 2, signers stood in every key of an idempotency entry, and UUIDs as text. */
export const LONG_KEYS_LAYOUT_VERSION = 2
/** Layout 1 was the same without checksums. */
export const UNCHECKED_LAYOUT_VERSION = 1

/** The scope in the key of an entry of this layout or an earlier one. Throws if it is none. */
export function anyScopeOf(key: Buffer): IdempotencyScope {
  const scope = readAnyScope(key.subarray(1))
  return key.equals(entryKey(scope)) || key.equals(earlierEntryKey(scope)) ? scope : scopeOf(key)
}

/** The deadline in a key of this layout or an earlier one. Throws if it is none. */
export function anyDeadlineOf(key: Buffer): Deadline {
  const deadline = readDeadline(key.subarray(1), readAnyScope)
  return key.equals(deadlineKey(deadline)) || key.equals(earlierDeadlineKey(deadline))
    ? deadline
    : deadlineOf(key)
}

export function earlierEntryKey(scope: IdempotencyScope): Buffer {
  return Buffer.concat([Buffer.from('i'), earlierScope(scope)])
}

export function earlierDeadlineKey(deadline: Deadline): Buffer {
  if (deadline.kind === 'ending') {
    return deadlineKey(deadline) // It had none.
  }
  const rest = deadline.kind === 'session' ? Buffer.from(deadline.id) : earlierScope(deadline.scope)
  const kind = Buffer.of(deadline.kind === 'session' ? 0 : 1)
  return Buffer.concat([Buffer.from('x'), timeBytes(deadline.timeMs), kind, rest])
}

function earlierScope({ owner, signer, key }: IdempotencyScope): Buffer {
  return Buffer.concat([sized(owner), sized(signer), Buffer.from(key)])
}

function readAnyScope(part: Buffer): IdempotencyScope {
  const [owner, afterOwner] = readSized(part)
  // The first byte of the form is above that of any length.
  if ((afterOwner[0] ?? 0) >= 0x80) {
    return readScope(part)
  }
  const [signer, key] = readSized(afterOwner)
  return { owner: new Uint8Array(owner), signer: new Uint8Array(signer), key: key.toString() }
}
