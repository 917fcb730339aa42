import { checkRequired } from '../commands/arguments.js'
import { ownerOfText } from '../create/owner.js'
import type { ExpiryRules } from '../endings/expiry-rules.js'
import type { Session } from '../session.js'
import type { SessionStore, WalkedEntry } from '../store.js'

/** What is kept about a user: one thing of it. */
export type SubjectRecord =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'idempotency-key'; readonly entry: WalkedEntry }

export interface ErasedCounts {
  readonly sessions: number
  readonly idempotencyKeys: number
}

/**
 * Everything that is kept about a user, or an owner by its id in base58, but for sealed keys: those are
 * secret from everyone. Sessions are those of one moment, idempotency keys those of another. A session past
 * its deadline has ended, swept or not.
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

/**
 * Deletes everything that is kept about a user. A session that is opened meanwhile stays, with its
 * idempotency key. Interrupted, it can be repeated; what may then be left until they come due are
 * deadlines of deleted sessions: an id and a time each. Throws MissingFieldError, InvalidFieldError.
 */
export async function eraseSubject(store: SessionStore, userId: string): Promise<ErasedCounts> {
  checkRequired('user_id', userId)
  const ids = new Set<string>()
  for await (const sessions of store.walkSessions(userId)) {
    const removals = sessions.map(async ({ id }) => {
      if ((await store.remove(id, (current) => current.userId === userId)) !== undefined) {
        ids.add(id)
      }
    })
    await Promise.all(removals)
  }
  const idempotencyKeys = await forgetKeys(store, ownerOfText(userId))
  if (ids.size > 0) {
    for await (const deadlines of store.walkDeadlines()) {
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
        // One whose session is there was used after the erasure began.
        entries.map(({ scope }) => store.forget(scope, ({ session }) => session === undefined)),
      )
      forgotten += outcomes.filter(Boolean).length
    }
  }
  return forgotten
}
