import type { SessionPageRequest, Session as WireSession } from '#generated/sessions_v1/sessions'
import type { ListArguments } from '../../core/commands/arguments.js'
import { readListArguments } from '../../core/commands/list-arguments.js'
import { InvalidFieldError } from '../../core/errors.js'
import type { Session } from '../../core/session.js'
import { isoText } from '../../core/time-text.js'

/** Reads which part of the list the request wants. Throws InvalidFieldError. */
export function listArguments({ filter, paging }: SessionPageRequest): ListArguments {
  const { skip = 0n, take = 0, total = false } = paging ?? {}
  // protobuf sends an absent number as 0.
  const wanted = { skip: Number(skip), total, ...(take !== 0 && { take }) }
  return readListArguments(Object.fromEntries(filter), wanted)
}

/**
 * `user` or `data` as the core takes it: undefined if it was not given, null for the text `null`. Throws
 * InvalidFieldError.
 */
export function readJsonText(field: string, text: string): string | null | undefined {
  if (text === '') {
    return undefined
  }
  try {
    return JSON.parse(text) === null ? null : text
  } catch {
    throw new InvalidFieldError(field, 'is not JSON text')
  }
}

/** A session in a list, without `user` and `data`. */
export function toListedSession(session: Session): WireSession {
  return wireSession(session, '', '')
}

/** A session on the wire, without its token. */
export function toWireSession(session: Session): WireSession {
  return wireSession(session, session.user ?? '', session.data ?? '')
}

// Field by field: spreading an object takes longer than encoding it.
function wireSession(session: Session, user: string, data: string): WireSession {
  const { openTimeMs, requestTimeMs, closeTimeMs } = session
  return {
    id: session.id,
    userId: session.userId,
    userName: session.userName,
    active: session.active,
    openTime: isoText(openTimeMs),
    requestTime: isoText(requestTimeMs),
    closeTime: closeTimeMs === null ? '' : isoText(closeTimeMs),
    address: session.address,
    client: session.client,
    user,
    data,
  }
}
