import { checkRequired } from '../commands/arguments.js'
import type { Expiry } from '../endings/expiry.js'
import type { ExpiryRules } from '../endings/expiry-rules.js'
import { ownerOfText } from '../owner-text.js'
import type { Session } from '../session.js'
import type { SessionStore, WalkedEntry } from '../store.js'

/** One thing that is kept about a user. */
export type SubjectRecord =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'idempotency-key'; readonly entry: WalkedEntry }

export interface ErasedCounts {
  readonly sessions: number
  readonly idempotencyKeys: number
}

/**
 * Everything that is kept about a user, or about an owner by its id in base58, except sealed keys, which nobody may
 * see. Sessions and idempotency entries come from two snapshots. An overdue session is shown as ended.
 * Throws MissingFieldError, InvalidFieldError.
 */
export async function* exportSubject(
  store: Pick<SessionStore, 'walkSessions' | 'walkIdempotency'>,
  rules: Pick<ExpiryRules, 'asOfNow'>,
  userId: string,
): AsyncGenerator<SubjectRecord, void> {
  checkRequired('user_id', userId)
  for await (const sessions of store.walkSessions(userId)) {
    for (const session of sessions) {
      yield { kind: 'session', session: rules.asOfNow(session) }
    }
  }
  const owner = ownerOfText(userId)
  if (owner !== null) {
    for await (const entries of store.walkIdempotency(owner)) {
      for (const entry of entries) {
        yield { kind: 'idempotency-key', entry }
      }
    }
  }
}

/** How much is kept about a user: what `eraseSubject` would delete. Throws MissingFieldError, InvalidFieldError. */
export async function countSubject(
  store: Pick<SessionStore, 'walkSessions' | 'walkIdempotency'>,
  userId: string,
): Promise<ErasedCounts> {
  checkRequired('user_id', userId)
  const owner = ownerOfText(userId)
  return {
    sessions: await count(store.walkSessions(userId)),
    idempotencyKeys: owner === null ? 0 : await count(store.walkIdempotency(owner)),
  }
}

async function count(walk: AsyncIterable<readonly unknown[]>): Promise<number> {
  let total = 0
  for await (const slice of walk) {
    total += slice.length
  }
  return total
}

/**
 * Deletes everything that is kept about a user. A session opened meanwhile stays, with its idempotency entry. It can be
 * interrupted and repeated. Deadlines of deleted sessions, an id and a time each, may then stay until they are due. Endings
 * stay until the sessions would have expired: they name no user.
 * Throws MissingFieldError, InvalidFieldError.
 */
export async function eraseSubject(
  store: SessionStore,
  { rules, ended }: Pick<Expiry, 'rules' | 'ended'>,
  userId: string,
): Promise<ErasedCounts> {
  checkRequired('user_id', userId)
  const ids = new Set<string>()
  for await (const sessions of store.walkSessions(userId)) {
    const removals = sessions.map(async ({ id }) => {
      const isTheirs = (current: Session) => current.userId === userId
      const removed = await store.remove(id, isTheirs, { removal: rules.removal('erased') })
      if (removed !== undefined) {
        ids.add(id)
      }
      if (removed?.active) {
        ended.add(rules.asOfNow(removed).ending?.reason ?? 'erased')
      }
    })
    await Promise.all(removals)
  }
  const idempotencyKeys = await forgetKeys(store, ownerOfText(userId))
  if (ids.size > 0) {
    for await (const deadlines of store.walkDeadlines(userId)) {
      await store.settle(
        deadlines.filter((deadline) => deadline.kind === 'session' && ids.has(deadline.id)),
      )
    }
  }
  await store.compactSeals()
  return { sessions: ids.size, idempotencyKeys }
}

async function forgetKeys(store: SessionStore, owner: Uint8Array | null): Promise<number> {
  let forgotten = 0
  if (owner !== null) {
    for await (const entries of store.walkIdempotency(owner)) {
      const outcomes = await Promise.all(
        // If its session is still there, the key was used after the erasure began.
        entries.map(({ scope }) => store.forget(scope, ({ session }) => session === undefined)),
      )
      forgotten += outcomes.filter(Boolean).length
    }
  }
  return forgotten
}
