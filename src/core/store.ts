import type { Removal, SessionListener } from './events.js'
import type { Session, SessionEnding } from './session.js'
import type { AfterQuery, ListPart, ListQuery, SessionPage } from './store-lists.js'
import type { IdBits } from './uuid.js'

/**
 * Keeps sessions. `test/conformance` holds every implementation to these promises:
 *
 * - Writes are atomic: record, seal, indexes, idempotency entry and deadlines change together or not at all.
 * - A write is durable (on disk, or acknowledged by a replica) when its promise resolves.
 * - The functions passed to `insert`, `update` and `remove` are synchronous and may run more than once. What they
 *   see is current, and stays so until their result is committed.
 * - An error that such a function throws reaches the caller unchanged, and nothing is written.
 * - A write that fails rejects with StoreUnavailableError (the outcome is unknown; retrying is safe) or, where the
 *   store is damaged, with StoreDamagedError (retrying does not help). Reads do the same.
 * - A session that is not active has no seal, and keeps neither `user` nor `data`.
 * - A write that ends a token session within its lifetime remembers the ending (core/endings/session-endings.ts) in the same
 *   commit, with a deadline at the end of that lifetime.
 *
 * A store that several servers share may split its sessions into shards, each user's in one. What concerns a single user
 * is then as above. What concerns all users is weaker: a list of all, the deadlines and the walks show each shard as of
 * one moment, or what stays in it all the while; `Seen.openInAll` is the number as last seen.
 */
export interface SessionStore {
  /**
   * What the id of this user's next session should have, so that the store keeps and finds it where that costs least.
   * Absent: any will do. A session may have another id, of whatever form.
   */
  idBits?(userId: string): IdBits

  /**
   * The session with this id, open or ended. `proven`: as it is now also where a part of the store was just replaced, as what
   * `update` sees. That may cost as much as a write.
   */
  get(id: string, options?: { readonly proven?: boolean }): Promise<Session | undefined>

  /** The newest open session that a command opened for this user, address and client. */
  findOpened(userId: string, address: string, client: string): Promise<Session | undefined>

  /** The sealed private key of an open token session. Never part of a session or an event. */
  seal(id: string): Promise<Uint8Array | undefined>

  /** Does what `decide` decides. No other insert for the same user runs meanwhile. */
  insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session>

  /** Replaces the session; null from `change` leaves it unchanged. Returns the result, undefined for an unknown id. */
  update(
    id: string,
    change: (current: Session) => Update | null,
    options?: WriteOptions,
  ): Promise<Session | undefined>

  /** Deletes the session if `check` returns true, and returns it. Otherwise returns undefined. */
  remove(
    id: string,
    check: (current: Session) => boolean,
    options?: RemoveOptions,
  ): Promise<Session | undefined>

  /**
   * One page of one snapshot, newest request first; sessions of the same time are ordered by the bytes of their ids.
   * Aborting `signal` ends the walk and throws its reason.
   */
  list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage>

  /**
   * The sessions behind a place of such a list, the nearest first. Whatever the place is, this costs no more than `limit`
   * sessions do. So a walk can go on in another call, where it stopped.
   */
  listAfter(query: AfterQuery): Promise<ListPart>

  /**
   * Deadlines that lie before `timeMs`, earliest first. Of a store that several servers share each gets some, and every
   * deadline comes to one of them within seconds.
   */
  due(timeMs: number, limit: number): Promise<Deadline[]>

  /** Deletes deadlines, and the idempotency entries and endings that expire with them. */
  settle(deadlines: readonly Deadline[]): Promise<void>

  /**
   * Replaces the seal of an open session; null from `change` leaves it unchanged. Session and seal cannot change
   * meanwhile. Does nothing for a session that is unknown or has no seal: it may just have ended.
   */
  reseal(id: string, change: ChangeSeal): Promise<void>

  /** Deletes an idempotency entry and its deadline if `check` returns true. Returns whether it did. */
  forget(scope: IdempotencyScope, check: (entry: FoundEntry) => boolean): Promise<boolean>

  /**
   * Ids of the sessions that have a seal. Every walk yields slices of bounded size of the state when it began;
   * a slow consumer holds up nothing. This one also includes inserts that were decided but not yet committed.
   */
  walkSeals(): AsyncIterable<readonly string[]>

  /**
   * This user's sessions: the ended ones, then the open ones, newest request first; `active` selects one of the two.
   * A damaged session is reported to `onDamaged` in one line and skipped; without `onDamaged` the walk throws.
   */
  walkSessions(
    userId: string,
    active?: boolean,
    onDamaged?: (problem: string) => void,
  ): AsyncIterable<readonly Session[]>

  /** This owner's idempotency entries, in no particular order. */
  walkIdempotency(owner: Uint8Array): AsyncIterable<readonly WalkedEntry[]>

  /** All deadlines, earliest first; with `userId` at least those of this user's sessions. */
  walkDeadlines(userId?: string): AsyncIterable<readonly Deadline[]>

  /**
   * The endings behind `cursor`, which an earlier call gave, also one of another server of the store; empty: from the
   * beginning. What was acknowledged before the call is among them, or behind the new cursor; what is shown stays durable. At
   * most `limit`, of each shard. `of`: ids of sessions, if only their endings are of interest; others may be left out then,
   * and come with a later call.
   */
  endings(cursor: Uint8Array, limit: number, of?: ReadonlySet<string>): Promise<EndingsPage>

  /** Rewrites the files that may still contain deleted or replaced seals, as far as the store can. */
  compactSeals(): Promise<void>

  /** The number of open sessions of all users. */
  countOpen(): Promise<number>

  /**
   * Calls `listener` after each commit, in commit order and before the write's promise resolves. Changes of other servers
   * come soon after their commit, those of one session in order; several may come as one. `onMissed` is called where
   * some were missed: what was read before may be out of date.
   */
  subscribe(listener: SessionListener, onMissed?: () => void): () => void

  /**
   * Replaces what the store remembers of the keys of its servers, and returns it. `change` may run more than once; what it
   * throws reaches the caller. Absent where one server alone can open the store.
   */
  agreeOnKeys?(change: (known: SharedKeys) => SharedKeys): Promise<SharedKeys>

  /** Waits for pending writes, then closes the store. */
  close(): Promise<void>
}

/** The keys of the servers that share a store, by what is not secret of them. */
export interface SharedKeys {
  /** Public keys, hexadecimal: the one that signs, the one that will, and those before, the last one first. */
  readonly identity: string | null
  readonly nextIdentity: string | null
  readonly earlierIdentities: readonly string[]
  /** The sealing keys that sessions may be sealed with: fingerprints by id. */
  readonly sealing: Readonly<Record<string, string>>
}

/**
 * Makes another seal of this one, or null for none. Until it answers no ending of the session is acknowledged by the same
 * server.
 */
export type ChangeSeal = (
  session: Session,
  seal: Uint8Array,
) => Uint8Array | null | Promise<Uint8Array | null>

/** What `insert` must look up before it calls `decide`. */
export interface InsertScope {
  readonly userId: string
  /** Looks up the entry of this key. The user is its owner: `userId` is the owner's text (core/owner-text.ts). */
  readonly idempotency?: IdempotencyScope | undefined
  /** Looks up the newest open session that a command opened for this user, address and client. */
  readonly reuse?: { readonly address: string; readonly client: string } | undefined
  /** Whether to count the user's open sessions; `Seen.openOfUser` is 0 otherwise. */
  readonly countOpenOfUser: boolean
  /** Looks up at most this many of the user's open sessions, those with the oldest requests (default 0). */
  readonly oldest?: number
}

/** An idempotency key means something only for one owner and one signer. */
export interface IdempotencyScope {
  readonly owner: Uint8Array
  readonly signer: Uint8Array
  /** 1 to 128 bytes of UTF-8. */
  readonly key: string
}

export interface Seen {
  /** Counts records marked active, past their deadline or not. */
  readonly openOfUser: number
  readonly openInAll: number
  readonly idempotency?: FoundEntry | undefined
  readonly reusable?: Session | undefined
  /** What the scope's `oldest` asked for: the last ones of a list of the user's open sessions, the last one first. */
  readonly oldest?: readonly Session[] | undefined
}

/** What is remembered of an idempotency key: the request that used it, the session that it opened, and until when. */
export interface IdempotencyEntry {
  readonly scope: IdempotencyScope
  /** Of the request's body. */
  readonly bodySha256: Uint8Array
  readonly sessionId: string
  readonly expiresTimeMs: number
}

/** An entry as it is looked up, with its session. */
export interface FoundEntry extends Pick<IdempotencyEntry, 'bodySha256' | 'sessionId'> {
  /** Absent where it was deleted. */
  readonly session?: Session
}

/** An entry as a walk shows it. */
export type WalkedEntry = Omit<IdempotencyEntry, 'bodySha256'>

export type Decision =
  | {
      readonly insert: NewSession
      /** Sessions of `Seen.oldest` that end in the same commit, before the new one opens. */
      readonly ends?: readonly Update[]
    }
  /** Of `Seen.reusable`. */
  | { readonly replace: Update }
  | { readonly keep: Session }

export interface NewSession {
  /** Its id must be new, its user that of the scope; the caller vouches for both. */
  readonly session: Session
  readonly seal?: Uint8Array
  /** When the sweep should look at it. */
  readonly sweepAtMs?: number
  /**
   * Remembers this session under the scope's idempotency key. An entry that expires at `sweepAtMs` may have no deadline
   * of its own: settling that of the session then forgets it too.
   */
  readonly idempotency?: Pick<IdempotencyEntry, 'bodySha256' | 'expiresTimeMs'>
}

export interface Update {
  /** Of the same id, user, address, client and token as the session that it replaces, with no earlier request. */
  readonly session: Session
  /** Another time at which the sweep should look at it. */
  readonly sweepAtMs?: number
}

/** Some endings, in an order that stays. */
export interface EndingsPage {
  readonly endings: readonly SessionEnding[]
  /** Behind these. At most 64 KiB. */
  readonly cursor: Uint8Array
  /** It begins at the beginning: the cursor was empty, or not one of this store. */
  readonly isFull: boolean
  /** Whether more are behind these. */
  readonly hasMore: boolean
}

export interface RemoveOptions extends WriteOptions {
  /** Why and when a session ends that is still open. Default: deleted, at its last request. */
  readonly removal?: Removal
}

export interface WriteOptions {
  /** A deadline that this write settles, whatever the function decides or that there is no such id. */
  readonly settles?: SessionDeadline
  /** false: acknowledged before it is on disk, for what may be lost (default true). */
  readonly durable?: boolean
}

/** A time at which the sweep looks at a session, or forgets an idempotency key or an ending. */
export type Deadline = SessionDeadline | IdempotencyDeadline | EndingDeadline

export interface SessionDeadline {
  readonly kind: 'session'
  readonly timeMs: number
  readonly id: string
}

export interface IdempotencyDeadline {
  readonly kind: 'idempotency'
  readonly timeMs: number
  readonly scope: IdempotencyScope
}

export interface EndingDeadline {
  readonly kind: 'ending'
  readonly timeMs: number
  /** Of the session. */
  readonly id: string
}
