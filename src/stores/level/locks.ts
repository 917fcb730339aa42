import type { IdempotencyScope } from '../../core/store.js'
import { entryKey } from './layout/keys.js'

/** Held while deadlines are read. */
export const DUE_LOCK = 'x'

export function entryLock(scope: IdempotencyScope): string {
  return entryKey(scope).toString('latin1')
}
