import type { SharedKeys } from '../../../core/store.js'
import { valueIn } from '../connection/reply.js'
import { SHARED_KEYS_KEY } from '../layout/keys.js'
import { readSharedKeys, sharedKeysValue } from '../layout/shared-keys.js'
import type { StoreParts } from '../parts.js'
import { commitAside, untilCommitted } from './commit.js'

/** `ServedStore.agreeOnKeys`. */
export function agreeOnKeys(
  parts: StoreParts,
  change: (known: SharedKeys) => SharedKeys,
): Promise<SharedKeys> {
  const question = { kind: 'value', key: SHARED_KEYS_KEY } as const
  return untilCommitted(async () => {
    const [reply] = await parts.functions.look(0, [question])
    const stored = valueIn(reply)
    const known = readSharedKeys(stored)
    const next = change(known)
    if (next === known) {
      return { done: known }
    }
    const expected = [{ ...question, brief: stored ?? '' }]
    const write = ['SET', SHARED_KEYS_KEY, sharedKeysValue(next)] as const
    return (await commitAside(parts, 0, [write], expected)) ? { done: next } : undefined
  })
}
