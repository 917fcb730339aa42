/**
 * The messages of the session list, as text. A message is a list of parameters with a newline
 * between any two; the first one is its command, the second the id of the connection.
 *
 * The published page leaves out three command lines and prints `reset` for a removal. The dialect
 * `commands` has a command in every message; `printed` is that page to the letter.
 */
export type Dialect = 'commands' | 'printed'

export interface ListedUser {
  readonly id: string
  readonly name: string
  /** RFC 3339, UTC. */
  readonly registrationDate: string
  readonly isPatron: boolean
  readonly isMentor: boolean
}

export interface ListedSession {
  readonly id: string
  readonly name: string
  readonly host: Omit<ListedUser, 'id'>
  readonly activeUsers: number
  readonly joinedUsers: number
  /** RFC 3339, UTC. */
  readonly beginTime: string
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
