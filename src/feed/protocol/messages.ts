/**
 * The messages of the session list are text: parameters separated by newlines. The first one is the command, the
 * second the id of the connection.
 *
 * The published page leaves out three of the commands and prints `reset` for a removal. The dialect `commands` has a
 * command in every message; `printed` follows that page to the letter.
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

/** What the server sends to a client. */
export type Notice =
  /** The client must forget the sessions of its other connections. */
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

/** The message of the `error` that says that the list leaves sessions out. */
export const partMessage = (maxSessions: number): string =>
  `more than ${maxSessions} sessions are open: the ${maxSessions} with the newest requests are listed`

/** Whether a message of an `error` is that. */
export const isPartMessage = (message: string): boolean =>
  message === partMessage(Number(/\d+/.exec(message)?.[0]))

/** What an `update` changes. */
export type SessionDetails = Pick<ListedSession, 'name' | 'activeUsers' | 'joinedUsers'>

/** What a client sends to the server, for usage metrics. */
export interface Connect {
  readonly userId: string
  readonly userName: string
  readonly version: string
}

/** The text is not a message of the protocol. */
export class FeedProtocolError extends Error {}
