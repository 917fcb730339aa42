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
  { expiry, owners, clock, audit }: Pick<TokensPorts, 'expiry' | 'owners' | 'clock' | 'audit'>,
): Promise<Revoked> {
  await audit.check()
  const ended = await expiry.end(id, { reason: 'revoked', by: caller.name }, (current) => {
    if (!mayManage(owners, current, signer)) {
      throw new NotFoundError(id)
    }
  })
  if (ended === undefined) {
    throw new NotFoundError(id)
  }
  const { session, wasOpen } = ended
  const facts = { sessionId: id, userId: session.userId, wasOpen }
  await audit.record({ action: 'revoke', caller, facts })
  return { endedNow: wasOpen, endTimeMs: session.closeTimeMs ?? clock.nowMs() }
}
