import { sameBytes } from '../bytes.js'
import type { TokenSession } from '../create/create.js'
import {
  ClockSuspectError,
  InvalidFieldError,
  NotFoundError,
  SessionEndedError,
  SignerError,
} from '../errors.js'
import type { Caller } from '../operators/audit.js'
import type { Session, Token } from '../session.js'
import { speaksFor, type TokensPorts } from './access.js'
import { inactivity } from './introspect.js'

/** A request to sign with a session's key, under a token that is good for it. */
export interface SignClaim {
  /** The session that the token names, and what the token says of it. */
  readonly id: string
  readonly owner: Uint8Array
  readonly publicKey: Uint8Array
  /** What is to be done, such as `OBJECT_PUT`. */
  readonly verb: string
  readonly data: readonly Uint8Array[]
  /** The key that signed the request. */
  readonly signer: Uint8Array
  readonly caller: Caller
}

export interface SignPorts extends TokensPorts {
  /** Whether the operator allows this verb to a service with this key. */
  readonly allows: (signer: Uint8Array, verb: string) => boolean
  /** Throws RateLimitedError if the session signs too often. */
  readonly limit: (id: string, signatures: number) => void
}

/**
 * Signs with the sealed key of a session, for its owner or a service that the operator named. The store holds session and
 * seal while the key signs: once an ending is acknowledged, no signature leaves the server any more. `signWith` opens the
 * seal, signs and forgets the seed; what it returns is returned.
 * Throws SignerError, NotFoundError, SessionEndedError, ClockSuspectError, RateLimitedError.
 */
export async function signUnder<Signed>(
  claim: SignClaim,
  ports: SignPorts,
  signWith: (seal: Uint8Array, session: TokenSession) => Promise<Signed>,
): Promise<Signed> {
  const { store, audit, owners, clock } = ports
  const { id, owner, verb, data, signer, caller } = claim
  if (!speaksFor(owners, owner, signer) && !ports.allows(signer, verb)) {
    throw new SignerError(verb)
  }
  // Its lifetime could be over.
  if (clock.isSuspect()) {
    throw new ClockSuspectError('no session key is used')
  }
  await audit.check()
  let signed: Signed | undefined
  await store.reseal(id, async (session, seal) => {
    checkActive(session, claim, ports)
    // Not earlier: strangers could use up what the session may sign.
    ports.limit(id, data.length)
    signed = await signWith(seal, session)
    return null
  })
  if (signed === undefined) {
    // Of a session that was never this owner's, nobody is to learn that it is there.
    checkActive(await store.get(id), claim, ports)
    throw new SessionEndedError(id)
  }
  const facts = { sessionId: id, verb, signatures: data.length }
  await audit.record({ action: 'sign', caller, facts })
  // Last of all: it may have ended while the entry was written, and a store on several machines does not lock what is only
  // read.
  checkActive(await store.get(id, { proven: true }), claim, ports)
  return signed
}

function checkActive(
  session: Session | undefined,
  { id, owner, publicKey }: SignClaim,
  { expiry, clock }: SignPorts,
): asserts session is TokenSession {
  if (!isOf(session?.token ?? null, owner, publicKey)) {
    throw new NotFoundError(id)
  }
  const current = expiry.rules.asOfNow(session as TokenSession) as TokenSession
  if (inactivity(current, clock) !== null) {
    throw new SessionEndedError(id)
  }
  if (current.token.isBound) {
    throw new InvalidFieldError(
      'body.token',
      'is of a session whose key its client has: the client signs, not the server',
    )
  }
}

function isOf(token: Token | null, owner: Uint8Array, publicKey: Uint8Array): boolean {
  return token !== null && sameBytes(token.owner, owner) && sameBytes(token.publicKey, publicKey)
}
