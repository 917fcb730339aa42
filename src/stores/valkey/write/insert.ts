import type { Session } from '../../../core/session.js'
import type { Decision, InsertScope, Seen, Update } from '../../../core/store.js'
import { userLock } from '../../locks.js'
import type { Reply } from '../connection/reply.js'
import { insertWrites, sweepWrites } from '../layout/writes.js'
import type { StoreParts } from '../parts.js'
import { type Found, foundIn } from '../read/lookup.js'
import { commitChanges, confirm, kept, type RecordChange, untilCommitted } from './commit.js'
import { Scope, type View } from './scope.js'

/**
 * `SessionStore.insert`. Decides on what this server saw last, and the engine compares: an insert that nobody contends
 * takes one round trip. Where something is otherwise, or nothing is to be written, it decides on what is there now.
 */
export function insertSession(
  parts: StoreParts,
  scope: InsertScope,
  decide: (seen: Seen) => Decision,
): Promise<Session> {
  const asked = new Scope(parts, scope)
  // Inserts of one server would only get in one another's way.
  const held = asked.isBlind ? [] : [userLock(scope.userId)]
  return parts.locks.hold(held, async () => {
    let view = asked.guess() ?? (await asked.read())
    return untilCommitted(async () => {
      let decision: Decision
      try {
        decision = possible(decide(asked.seen(view)), view)
      } catch (error) {
        if (view.isCurrent) {
          throw error
        }
        view = await asked.read()
        return undefined
      }
      if ('keep' in decision) {
        if (!view.isCurrent) {
          view = await asked.read()
          return undefined
        }
        const answers = view.entry && (await confirm(parts, asked.shard, asked.expectations(view)))
        if (!answers) {
          return { done: decision.keep }
        }
        view = await asked.viewOf(answers)
        return undefined
      }
      const { session, answers } = await commitDecision(parts, asked, scope, view, decision)
      if (answers === null) {
        return { done: session }
      }
      view = await asked.viewOf(answers)
      return undefined
    })
  })
}

/** The decision, if the view admits it. Throws TypeError. */
function possible(decision: Decision, { opened, oldest }: View): Decision {
  if ('replace' in decision && opened?.session.id !== decision.replace.session.id) {
    throw new TypeError('only the session to reuse can be replaced')
  }
  const ends = ('insert' in decision && decision.ends) || []
  if (!ends.every(({ session }) => oldest?.some((one) => one.session.id === session.id))) {
    throw new TypeError('only the oldest sessions can end with an insert')
  }
  return decision
}

/** Commits what was decided on this view. `answers`: to the questions of the scope, if something was otherwise. */
async function commitDecision(
  parts: StoreParts,
  asked: Scope,
  scope: InsertScope,
  view: View,
  decision: Exclude<Decision, { keep: Session }>,
): Promise<{ session: Session; answers: readonly Reply[] | null }> {
  const { shard, keys } = asked
  const expectations = asked.expectations(view)
  if ('replace' in decision) {
    const { opened } = view
    const changes = [changeOf(decision.replace, opened)]
    const { session, sweepAtMs } = decision.replace
    const writes = sweepWrites(keys, session.id, sweepAtMs)
    const answers = await commitChanges(parts, { shard, changes, expectations, writes })
    return { session, answers: answers?.slice(changes.length) ?? null }
  }
  const { insert, ends = [] } = decision
  const opens = { before: null, after: kept(insert.session), stored: undefined }
  const changes = [
    ...ends.map((end) =>
      changeOf(
        end,
        view.oldest?.find(({ session }) => session.id === end.session.id),
      ),
    ),
    opens,
  ]
  const writes = [
    ...insertWrites(keys, insert, scope.idempotency),
    ...ends.flatMap(({ session, sweepAtMs }) => sweepWrites(keys, session.id, sweepAtMs)),
  ]
  const answers = await commitChanges(parts, { shard, changes, expectations, writes })
  if (answers === null) {
    asked.inserted(view, opens.after, ends.length)
  } else if (view.isCurrent && foundIn(parts, shard, opens.after.id, answers[ends.length])) {
    throw new TypeError('there is a session with this id already')
  }
  return { session: insert.session, answers: answers?.slice(changes.length) ?? null }
}

function changeOf({ session }: Update, found: Found | undefined): RecordChange {
  return { before: found?.session ?? null, after: kept(session), stored: found?.stored }
}
