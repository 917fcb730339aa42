import { KEY_ONLY } from '../../dist/stores/level/database.js'
import { encodeInfo, newInfo } from '../../dist/stores/level/layout/info.js'
import {
  deadlineOf,
  entryKey,
  INFO_KEY,
  indexKeys,
  isDeadlineKey,
  sealKey,
  sessionKey,
  TALLY_KEY,
} from '../../dist/stores/level/layout/keys.js'
import { openedRows } from '../../dist/stores/level/layout/opened.js'
import { insertRows } from '../../dist/stores/level/layout/rows.js'
import { encodeTally } from '../../dist/stores/level/layout/tally.js'
import { encodeEntry, encodeSession } from '../../dist/stores/rows/codec.js'
import {
  EPOCHS,
  IDLE_TIMEOUT_MS,
  isOpenAt,
  isTokenAt,
  LIFETIME_MS,
  makeUsers,
  numbersById,
  RETENTION_MS,
  SESSIONS_PER_USER,
  sessionAt,
} from './sessions.js'

/** @typedef {import('../../dist/stores/level/database.js').Row} Row */

/**
 * All rows of a store with the sessions of `sessionAt`, in the order of their keys: LevelDB then has nothing to compact,
 * which would take hours for millions of sessions. `sessiond check` finds nothing amiss (test/e2e/bench.test.ts).
 * @returns {Generator<Row>}
 */
export function* storeRows(count, nowMs) {
  const users = makeUsers(count)
  const at = (i) => {
    const { scope, decision } = sessionAt(i, count, users, nowMs)
    return { ...decision.insert, scope: scope.idempotency }
  }
  const isToken = (i) => isTokenAt(i, users)
  const isOpen = (i) => isOpenAt(i, users)
  const opened = (i) => isOpen(i) && !isToken(i)

  yield* ofUsers(users, byText, opened, ({ session }) =>
    openedRows([{ before: null, after: session }], () => undefined),
  )
  yield* ofUsers(users, byOwner, isToken, ({ session, scope, idempotency }) => [
    [entryKey(scope), encodeEntry({ ...idempotency, sessionId: session.id })],
  ])
  for (const i of numbersById(count)) {
    if (isOpen(i) && isToken(i)) {
      const { session, seal } = at(i)
      yield [sealKey(session.id), seal]
    }
  }
  let openSessions = 0
  for (let i = 0; i < count; i++) {
    openSessions += isOpen(i) ? 1 : 0
  }
  yield [INFO_KEY, encodeInfo(newInfo(EPOCHS))]
  yield [TALLY_KEY, encodeTally({ openSessions, commits: 0 })]
  for (const i of numbersById(count)) {
    const { session } = at(i)
    yield [sessionKey(session.id), encodeSession(session)]
  }
  // Newest request first, ended sessions before open ones.
  for (const isWanted of [(i) => !isOpen(i), isOpen]) {
    for (let i = count - 1; i >= 0; i--) {
      if (isWanted(i)) {
        yield [indexKeys(at(i).session)[0], KEY_ONLY]
      }
    }
  }
  yield* ofUsers(
    users,
    byText,
    () => true,
    ({ session }) => [[indexKeys(session)[1], KEY_ONLY]],
  )
  /** @type {[number, (i: number) => boolean][]} */
  const deadlines = [
    [IDLE_TIMEOUT_MS, opened],
    [RETENTION_MS, (i) => !isOpen(i)],
    [LIFETIME_MS, isToken],
  ]
  for (const [afterMs, isWanted] of deadlines) {
    for (let i = 0; i < count; i++) {
      if (!isWanted(i)) {
        continue
      }
      const { scope, ...inserted } = at(i)
      const timeMs = inserted.session.requestTimeMs + afterMs
      const rows = insertRows(inserted, scope).filter(
        ([key]) => isDeadlineKey(key) && deadlineOf(key).timeMs === timeMs,
      )
      yield* rows.sort(byKey)
    }
  }

  /** The rows of each user's sessions, user by user. */
  function* ofUsers(all, order, isWanted, rowsOf) {
    const numbers = Uint32Array.from(all, (_, user) => user)
    for (const user of numbers.sort((a, b) => order(all[a], all[b]))) {
      const rows = []
      for (let ordinal = 0; ordinal < SESSIONS_PER_USER; ordinal++) {
        const i = user + ordinal * all.length
        if (isWanted(i)) {
          rows.push(...rowsOf(at(i)))
        }
      }
      yield* rows.sort(byKey)
    }
  }
}

/** @type {(a: Row, b: Row) => number} */
const byKey = ([a], [b]) => Buffer.compare(a, b)
const byOwner = (a, b) => Buffer.compare(a.owner, b.owner)
/** Keys have the length of a text before it. */
const byText = (a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
