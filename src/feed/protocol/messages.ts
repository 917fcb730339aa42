/**
 * The messages of the session list, as text. A message is a list of parameters with a newline
 * between any two; the first one is its command, the second the id of the connection.
 *
 * The published page leaves out three command lines and prints `reset` for a removal. The dialect
 * `commands` has a command in every message; `printed` is that page to the letter.
 */
export type Dialect = 'commands' | 'printed'

/** A user in a listed session. */
export interface ListedUser {
  readonly id: string
  readonly name: string
  /** RFC 3339, UTC. */
  readonly registrationDate: string
  readonly isPatron: boolean
  readonly isMentor: boolean
}

/** A session as the list shows it. docs/protocols/session-list.md says where each value comes from. */
export interface ListedSession {
  readonly id: string
  readonly name: string
  /** Whose session it is. */
  readonly host: Omit<ListedUser, 'id'>
  /** How many users are active now. */
  readonly activeUsers: number
  /** How many users have joined so far. */
  readonly joinedUsers: number
  /** RFC 3339, UTC. */
  readonly beginTime: string
  /** Its users besides the host. */
  readonly users: readonly ListedUser[]
}

/** What the server tells a client. */
export type Notice =
  /** Forget every session of another connection than this one. */
  | { readonly command: 'reset'; readonly expectedVersion: string }
  | { readonly command: 'add'; readonly session: ListedSession }
  | ({ readonly command: 'update'; readonly sessionId: string } & SessionDetails)
  | { readonly command: 'remove'; readonly sessionId: string }
  | { readonly command: 'add_user'; readonly sessionId: string; readonly user: ListedUser }
  | {
      readonly command: 'remove_user'
      readonly sessionId: string
      readonly userId: string
      readonly userName: string
    }
  | { readonly command: 'error'; readonly message: string }

/** What an `update` carries. */
export type SessionDetails = Pick<ListedSession, 'name' | 'activeUsers' | 'joinedUsers'>

/** What a client tells the server, for its usage metrics. */
export interface Connect {
  readonly userId: string
  readonly userName: string
  readonly version: string
}

/** A text that is not a message of the protocol. */
export class FeedProtocolError extends Error {}
