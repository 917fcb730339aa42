import type {
  IntrospectResponse_Body,
  OwnedSession as WireOwnedSession,
} from '#generated/sessiond/v1/tokens'
import { uuidText } from '../../core/uuid.js'
import type { TokenSession } from '../../tokens/issue.js'
import { keyedSessionJson } from '../created-session.js'
import { UntrustedResponseError } from '../errors.js'
import type { KeyedSession, OwnedSession, SessionState } from './answers.js'

export function sessionState(answer: IntrospectResponse_Body): SessionState {
  const { active, reason, id, ownerId, endTimeMs, endReason } = answer
  return {
    active,
    reason: active ? null : reason,
    session: id.length === 0 ? null : withJson(tokenSession(answer, ownerId?.value)),
    endTimeMs: instantOrNull(endTimeMs),
    endReason: endReason || null,
  }
}

export function ownedSession(session: WireOwnedSession, owner: Uint8Array): OwnedSession {
  const { active, openTimeMs, endTimeMs, endReason, address, client } = session
  return withJson({
    ...tokenSession(session, owner),
    active,
    openTimeMs: Number(openTimeMs),
    endTimeMs: instantOrNull(endTimeMs),
    endReason: endReason || null,
    address,
    client,
  })
}

/** Adds `toJSON`, which is no part of what is compared or listed. */
function withJson<S extends TokenSession>(session: S): S & KeyedSession {
  const toJSON = () => ({ ...session, ...keyedSessionJson(session) })
  return Object.defineProperty(session, 'toJSON', { value: toJSON }) as S & KeyedSession
}

function tokenSession(
  { id, lifetime, sessionKey }: Pick<WireOwnedSession, 'id' | 'lifetime' | 'sessionKey'>,
  owner: Uint8Array | undefined,
): TokenSession {
  if (lifetime === undefined || owner === undefined) {
    throw new UntrustedResponseError('it tells of a session without owner or lifetime')
  }
  return { id: uuidText(id), publicKey: sessionKey, owner, lifetime }
}

function instantOrNull(timeMs: bigint): number | null {
  return timeMs === 0n ? null : Number(timeMs)
}
