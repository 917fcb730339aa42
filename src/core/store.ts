import type { SessionListener } from './events.js'
import type { Session } from './session.js'

/**
 * Where sessions are kept. `test/conformance` holds every implementation to these promises:
 *
 * - A write is on disk (or acknowledged by a replica) when its promise resolves, wholly: record,
 *   seal, indexes, idempotency entry and deadlines change together or not at all.
 * - The functions passed to `insert`, `update` and `remove` are synchronous and may run more than
 *   once; what they see is current, and stays so until their result is committed.
 * - What a function throws is thrown on as it is, and nothing is written.
 * - Any failure to write is a StoreUnavailableError: outcome unknown, safe to try again.
 * - A session that is not active has no seal, and keeps neither `user` nor `data`.
 */
export interface SessionStore {
  /** The session with this id, ended ones too. */
  get(id: string): Promise<Session | undefined>

  /** This user's open session, opened by a command, from this address and client. */
  findOpened(userId: string, address: string, client: string): Promise<Session | undefined>

  /** The sealed private key of an open token session. Never part of a session or an event. */
  seal(id: string): Promise<Uint8Array | undefined>

  /** Opens a session, or finds that there is one, while nothing else opens one for the same user. */
  insert(scope: InsertScope, decide: (seen: Seen) => Decision): Promise<Session>

  /** Changes the session with this id; null from `change` leaves it as it is. Undefined: no such id. */
  update(
    id: string,
    change: (current: Session) => Update | null,
    options?: WriteOptions,
  ): Promise<Session | undefined>

  /** Deletes the record where `check` agrees, and returns what it was; else undefined. */
  remove(
    id: string,
    check: (current: Session) => boolean,
    options?: WriteOptions,
  ): Promise<Session | undefined>

  /**
   * One page, from one snapshot: newest request first, those of one time by their ids' bytes. Where `signal` is aborted
   * nobody waits for the page any more: a walk for it ends, and the signal's reason is thrown.
   */
  list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage>

  /** Deadlines that lie before `timeMs`, earliest first. */
  due(timeMs: number, limit: number): Promise<Deadline[]>

  /** Strikes deadlines off, and deletes the idempotency entries among them. */
  settle(deadlines: readonly Deadline[]): Promise<void>

  /**
   * Replaces the seal of an open session by what `change` makes of it, null to leave it, while neither
   * can change. No such session, or none that has a seal, is no error: it may have ended meanwhile.
   */
  reseal(
    id: string,
    change: (session: Session, seal: Uint8Array) => Uint8Array | null,
  ): Promise<void>

  /** Deletes the entry of an idempotency key with its deadline where `check` agrees; whether it did. */
  forget(scope: IdempotencyScope, check: (entry: FoundEntry) => boolean): Promise<boolean>

  /**
   * Ids of the sessions that have a seal. This walk and those below show what was committed when they
   * began, in slices of bounded size; nothing is held up by who is slow to ask for the next. This one also
   * shows what an `insert` that had decided by then is still to commit.
   */
  walkSeals(): AsyncIterable<readonly string[]>

  /**
   * This user's sessions: those that have ended, then the open ones, newest request first; with `active` only
   * those marked so. `onDamaged` is told of each that is damaged, in one line, and the walk goes on; without it that
   * is thrown.
   */
  walkSessions(
    userId: string,
    active?: boolean,
    onDamaged?: (problem: string) => void,
  ): AsyncIterable<readonly Session[]>

  /** What is remembered of this owner's idempotency keys, in no order. */
  walkIdempotency(owner: Uint8Array): AsyncIterable<readonly WalkedEntry[]>

  /** All deadlines, earliest first. */
  walkDeadlines(): AsyncIterable<readonly Deadline[]>

  /** Rewrites files that may still hold seals that were deleted or replaced, as far as that is in our hands. */
  compactSeals(): Promise<void>

  /** How many sessions are open in all. */
  countOpen(): Promise<number>

  /** Calls `listener` after each commit, in commit order, before the write's promise resolves. */
  subscribe(listener: SessionListener): () => void

  /** Waits for the writes under way, then lets go of the store. */
  close(): Promise<void>
}

/** What `insert` must know before it decides. */
export interface InsertScope {
  readonly userId: string
  /** Looks for the answer that was given for this key. */
  readonly idempotency?: IdempotencyScope
  /** Looks for this user's newest open session, opened by a command, from this address and client. */
  readonly reuse?: { readonly address: string; readonly client: string }
  /** Whether to count the user's open sessions; `Seen.openOfUser` is 0 otherwise. */
  readonly countOpenOfUser: boolean
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
  readonly idempotency?: FoundEntry
  readonly reusable?: Session
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
  | { readonly insert: NewSession }
  /** Of `Seen.reusable`. */
  | { readonly replace: Update }
  | { readonly keep: Session }

export interface NewSession {
  /** Its id must be new, its user that of the scope; the caller vouches for both. */
  readonly session: Session
  readonly seal?: Uint8Array
  /** When the sweep should look at it. */
  readonly sweepAtMs?: number
  /** Remembers this session under the scope's idempotency key. */
  readonly idempotency?: Pick<IdempotencyEntry, 'bodySha256' | 'expiresTimeMs'>
}

export interface Update {
  /** Of the same id, user, address, client and token as the session that it replaces. */
  readonly session: Session
  /** Another time at which the sweep should look at it. */
  readonly sweepAtMs?: number
}

export interface WriteOptions {
  /** A deadline that this write settles, whatever the function decides or that there is no such id. */
  readonly settles?: SessionDeadline
  /** false: acknowledged before it is on disk, for what may be lost (default true). */
  readonly durable?: boolean
}

/** A time at which the sweep looks at a session, or forgets an idempotency key. */
export type Deadline = SessionDeadline | IdempotencyDeadline

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

export interface ListQuery {
  readonly userId?: string
  readonly active?: boolean
  /** Inclusive. */
  readonly fromTimeMs?: number
  /** Exclusive. */
  readonly toTimeMs?: number
  readonly skip: number
  readonly take: number
  /** Whether to count all that match. */
  readonly total: boolean
}

export interface SessionPage {
  readonly sessions: readonly Session[]
  /** null unless asked for. */
  readonly total: number | null
}
