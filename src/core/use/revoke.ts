import { NotFoundError } from '../errors.js'
import type { Caller } from '../operators/audit.js'
import { mayManage, type TokensPorts } from './access.js'

/** How a session ended. */
export interface Revoked {
  /** Whether this call ended it. */
  readonly endedNow: boolean
  /** Unix milliseconds. */
  readonly endTimeMs: number
}

/**
 * Ends a session for its owner or its own key, and erases its seal with it. Throws NotFoundError, to all others too.
 */
export async function revokeSession(
  id: string,
  signer: Uint8Array,
  caller: Caller,
  { store, expiry, owners, clock, audit }: TokensPorts,
): Promise<Revoked> {
  const { rules } = expiry
  await audit.check()
  let wasMarkedOpen = false
  let endedNow = false
  const session = await store.update(id, (current) => {
    if (!mayManage(owners, current, signer)) {
      throw new NotFoundError(id)
    }
    wasMarkedOpen = current.active
    endedNow = rules.asOfNow(current).active
    if (!current.active) {
      return null
    }
    return endedNow
      ? rules.end(current, clock.nowMs(), { reason: 'revoked', by: caller.name })
      : rules.lapse(current)
  })
  if (session === undefined) {
    throw new NotFoundError(id)
  }
  if (wasMarkedOpen) {
    expiry.ended.add(session.ending?.reason)
  }
  const { userId, closeTimeMs } = session
  const facts = { session_id: id, user_id: userId, was_open: endedNow }
  await audit.record({ action: 'revoke', caller, facts })
  return { endedNow, endTimeMs: closeTimeMs ?? clock.nowMs() }
}
