import { sameBytes } from '../bytes.js'
import type { TokenSession } from '../create/create.js'
import type { OwnerPolicy } from '../create/owner.js'
import type { Expiry } from '../endings/expiry.js'
import type { EpochClock } from '../epoch.js'
import { NotFoundError } from '../errors.js'
import type { Audit } from '../operators/audit.js'
import type { Session } from '../session.js'
import type { SessionStore } from '../store.js'

/** What the use cases of token sessions need. */
export interface TokensPorts {
  readonly store: SessionStore
  readonly expiry: Expiry
  readonly owners: OwnerPolicy
  readonly clock: EpochClock
  readonly audit: Audit
}

/** Whether this key may speak for the owner. */
export function speaksFor(owners: OwnerPolicy, owner: Uint8Array, key: Uint8Array): boolean {
  return owners.refusal(owner, key) === null
}

/** Whether this key may ask about the session and end it: its owner's, and its own. */
export function mayManage(
  owners: OwnerPolicy,
  session: Session | undefined,
  key: Uint8Array,
): session is TokenSession {
  const token = session?.token
  return token != null && (sameBytes(token.publicKey, key) || speaksFor(owners, token.owner, key))
}

/**
 * The session as of now, for its owner and for its own key. Throws NotFoundError to all others too: they are not to learn
 * that there is such a session.
 */
export async function ownSession(
  { store, expiry, owners }: Pick<TokensPorts, 'store' | 'expiry' | 'owners'>,
  id: string,
  key: Uint8Array,
): Promise<TokenSession> {
  const session = await store.get(id)
  if (!mayManage(owners, session, key)) {
    throw new NotFoundError(id)
  }
  return expiry.rules.asOfNow(session) as TokenSession
}
