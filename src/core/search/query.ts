import { checkClient, checkName } from '../commands/arguments.js'
import { InputFileError, InvalidFieldError } from '../errors.js'
import { ownerFromText, ownerName, ownerText, userIdsNamed } from '../owner-text.js'
import type { Session } from '../session.js'

/** What an operator looks for. All conditions must hold. */
export interface SearchFilter {
  /** Part of an id, a name, an address or a client, in any case. */
  readonly text?: string
  /** A user or an owner, as people name it (`userIdsNamed`). */
  readonly user?: string
  /** An owner of token sessions, as people name it (`ownerFromText`). */
  readonly owner?: string
  readonly address?: string
  readonly client?: string
  readonly kind?: 'token' | 'command'
  /** true: open sessions; false: ended ones. */
  readonly active?: boolean
}

/** A filter that was checked, and what of it an index can find. */
export interface SearchQuery {
  readonly filter: SearchFilter
  /** The users whose sessions can match. Absent: all. */
  readonly userIds?: readonly string[]
  /** The users that `text` names in full, of these. */
  readonly namedIds: readonly string[]
  /** Whether a session, as of now, is looked for. */
  readonly matches: (session: Session) => boolean
}

/** Throws InvalidFieldError. */
export function searchQuery(filter: SearchFilter): SearchQuery {
  const { text, user, owner, address, client, kind, active } = filter
  for (const [field, value] of Object.entries({ text, user, owner, address })) {
    checkName(field, value ?? '')
  }
  checkClient(client ?? '')
  const userIds = idsOf(user, owner)
  const part = text?.toLowerCase()
  return {
    filter,
    ...(userIds && { userIds }),
    namedIds: text === undefined ? [] : namedIn(text, userIds),
    matches: (session) =>
      (active === undefined || session.active === active) &&
      (kind === undefined || kindOf(session) === kind) &&
      (owner === undefined || session.token !== null) &&
      (address === undefined || session.address === address) &&
      (client === undefined || session.client === client) &&
      (userIds === undefined || userIds.includes(session.userId)) &&
      (part === undefined || textsOf(session).some((one) => one.toLowerCase().includes(part))),
  }
}

/** What opened a session: Create, or a command. */
export function kindOf({ token }: Session): 'token' | 'command' {
  return token === null ? 'command' : 'token'
}

/** The name that the owner's id spells; null where there is none. */
export function ownerNameOf({ token }: Session): string | null {
  return token && ownerName(token.owner)
}

function textsOf(session: Session): string[] {
  const { id, userId, userName, address, client } = session
  return [id, userId, userName, ownerNameOf(session) ?? '', address, client]
}

function idsOf(user: string | undefined, owner: string | undefined): readonly string[] | undefined {
  const ofUser = user === undefined ? undefined : readable('user', () => userIdsNamed(user, 'it'))
  const ofOwner =
    owner === undefined
      ? undefined
      : readable('owner', () => [ownerText(ownerFromText(owner, 'it'))])
  return ofUser && ofOwner ? ofUser.filter((id) => ofOwner.includes(id)) : (ofUser ?? ofOwner)
}

function readable<T>(field: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof InputFileError) {
      throw new InvalidFieldError(field, `is none: ${error.message}`)
    }
    throw error
  }
}

/** A text that merely begins like a user is a text all the same. */
function namedIn(text: string, userIds: readonly string[] | undefined): readonly string[] {
  try {
    return userIdsNamed(text).filter((id) => userIds?.includes(id) ?? true)
  } catch {
    return []
  }
}
