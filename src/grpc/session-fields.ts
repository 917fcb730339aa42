import type { SessionPageRequest, Session as WireSession } from '#generated/sessions_v1/sessions'
import type { ListArguments } from '../core/arguments.js'
import { InvalidFieldError } from '../core/errors.js'
import type { Session } from '../core/session.js'
import { readTimeMs } from '../core/time-text.js'

/** How each key of a filter becomes an argument of the list. Each throws InvalidFieldError. */
const FILTERS: Readonly<Record<string, (text: string, field: string) => ListArguments>> = {
  id: (id) => ({ id }),
  user_id: (userId) => ({ userId }),
  active: (text, field) => ({ active: readFlag(text, field) }),
  from_time: (text, field) => ({ fromTimeMs: readTimeMs(field, text) }),
  to_time: (text, field) => ({ toTimeMs: readTimeMs(field, text) }),
}

/** Which part of the list is wanted. Throws InvalidFieldError. */
export function readListArguments({ filter, paging }: SessionPageRequest): ListArguments {
  const unknown = [...filter.keys()].filter((key) => !Object.hasOwn(FILTERS, key))
  if (unknown.length > 0) {
    throw new InvalidFieldError(
      'filter',
      `has ${unknown.join(', ')}; it may have ${Object.keys(FILTERS).join(', ')}`,
    )
  }
  const { skip = 0n, take = 0, total = false } = paging ?? {}
  if (skip < 0n || skip > Number.MAX_SAFE_INTEGER) {
    throw new InvalidFieldError('paging.skip', 'is not a number of sessions')
  }
  if (take < 0) {
    throw new InvalidFieldError('paging.take', 'is negative')
  }
  const filters = [...filter].map(([key, text]) => FILTERS[key]?.(text, `filter.${key}`))
  // On this wire a number that was not given is a 0.
  return Object.assign({ skip: Number(skip), total }, take > 0 && { take }, ...filters)
}

/**
 * `user` or `data` as the core takes it, undefined where it was not given. The text `null` stands for
 * none. Throws InvalidFieldError.
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

/** A session as it stands on the wire: without what makes it a token session. */
export function toWireSession(session: Session): WireSession {
  const { id, userId, userName, active, address, client } = session
  return {
    ...{ id, userId, userName, active, address, client },
    openTime: new Date(session.openTimeMs).toISOString(),
    requestTime: new Date(session.requestTimeMs).toISOString(),
    closeTime: session.closeTimeMs === null ? '' : new Date(session.closeTimeMs).toISOString(),
    user: session.user ?? '',
    data: session.data ?? '',
  }
}

function readFlag(text: string, field: string): boolean {
  if (text !== 'true' && text !== 'false') {
    throw new InvalidFieldError(field, 'is neither true nor false')
  }
  return text === 'true'
}
