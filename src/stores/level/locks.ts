/** Held while deadlines are read. */
export const DUE_LOCK = 'x'

/** Of an idempotency entry, by the key of its row. */
export function entryLock(key: Buffer): string {
  return key.toString('latin1')
}
