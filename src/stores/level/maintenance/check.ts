import { deadlineOfEnding } from '../../../core/endings/session-endings.js'
import type { EpochSettings } from '../../../core/epoch.js'
import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import type { Deadline, SessionDeadline } from '../../../core/store.js'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import type { ClosedCheckPorts } from '../../engine.js'
import { quoted } from '../../rows/record.js'
import { earlierDeadlineKey } from '../layout/earlier-keys.js'
import {
  deadlineKey,
  INFO_KEY,
  idOfEnding,
  keyInDeadline,
  RANGES,
  TALLY_KEY,
} from '../layout/keys.js'
import { damagedRow } from '../layout/row-name.js'
import { storedDeadlineRow, storedEnding, storedEntry } from '../layout/stored.js'
import { decodeTally, TALLY_BYTES } from '../layout/tally.js'
import type { Slice, View } from '../read/view.js'
import { leftOverRows, strangeRows } from './check-left-over.js'
import { SessionCheck } from './check-sessions.js'
import { Unarmed } from './unarmed.js'

/** The most damaged rows that a check names. */
const MAX_REMEMBERED = 10_000

/**
 * Compares every record with its index rows and its deadline, opens every seal, and finds orphaned rows. It looks up the
 * rows of each record and counts them; only a kind with more rows than that is searched for orphans. Uses some 30 MB,
 * however large the store is.
 */
export async function* checkStore(
  openView: (onDamaged: (key: Buffer) => void, signal?: AbortSignal) => Promise<View>,
  ports: ClosedCheckPorts,
): AsyncGenerator<CheckEvent, void> {
  const damaged = new DamagedRows()
  const view = await openView(damaged.add, ports.signal)
  try {
    for await (const event of checkView(view, ports)) {
      yield* damaged.problems()
      yield event
    }
    yield* damaged.problems()
    const unchecked = await view.countUnchecked()
    if (unchecked > 0) {
      yield { unchecked }
    }
  } finally {
    await view.close()
  }
}

async function* checkView(view: View, ports: ClosedCheckPorts): AsyncGenerator<CheckEvent, void> {
  const totals = {
    sessions: await view.count(RANGES.sessions),
    entries: await view.count(RANGES.entries),
    deadlines: await view.count(RANGES.deadlines),
    endings: await view.count(RANGES.endings),
  }
  const totalRows = totals.sessions + totals.entries + totals.deadlines + totals.endings
  const sessions = new SessionCheck(view, ports)
  const unarmed = new Unarmed(view, ports.dueAtMs)
  let checkedRows = 0
  const progress = (slice: Slice) => {
    checkedRows += slice.length
    return { checkedRows, totalRows }
  }
  for await (const slice of view.rows(RANGES.sessions)) {
    const whole: Session[] = []
    yield* problems(slice, (key, record) => {
      whole.push(sessions.read(key, record))
    })
    yield* sessions.check(whole)
    yield* unarmedProblems(await unarmed.check(whole))
    yield progress(slice)
  }
  yield* unarmedProblems(await unarmed.settle())
  for await (const slice of view.rows(RANGES.entries)) {
    yield* checkEntries(view, slice)
    yield progress(slice)
  }
  for await (const slice of view.rows(RANGES.deadlines)) {
    const due: { deadline: Deadline; value: Uint8Array }[] = []
    yield* problems(slice, (key, value) => {
      due.push({ ...storedDeadlineRow(key, value), value })
    })
    yield* checkEndingsOf(view, due)
    yield progress(slice)
  }
  for await (const slice of view.rows(RANGES.endings)) {
    yield* checkEndings(view, slice, ports.epochs)
    yield progress(slice)
  }
  yield* leftOverRows(view, sessions.found)
  yield* strangeRows(view)
  const tally = await view.value(TALLY_KEY)
  const counted = tally?.length === TALLY_BYTES ? decodeTally(tally).openSessions : 0
  if (counted !== sessions.open) {
    yield { problem: `${sessions.open} sessions are open, but ${counted} were counted` }
  }
}

/** Collects damaged rows, each once, up to MAX_REMEMBERED. */
class DamagedRows {
  private readonly known = new Set<string>()
  private messages: string[] = []

  readonly add = (key: Buffer): void => {
    const name = key.toString('latin1')
    if (this.known.has(name) || this.known.size > MAX_REMEMBERED) {
      return
    }
    this.known.add(name)
    this.messages.push(
      this.known.size > MAX_REMEMBERED
        ? `more than ${MAX_REMEMBERED} rows fail their checksums`
        : damagedRow(key).message,
    )
  }

  problems(): CheckEvent[] {
    return this.messages.splice(0).map((problem) => ({ problem }))
  }
}

async function* checkEntries(view: View, slice: Slice): AsyncGenerator<CheckEvent, void> {
  const due: { key: Buffer; deadline: Deadline; sessionId: string }[] = []
  yield* problems(slice, (key, value) => {
    const { scope, entry } = storedEntry(key, value)
    const { expiresTimeMs: timeMs, sessionId } = entry
    due.push({ key, deadline: { kind: 'idempotency', timeMs, scope }, sessionId })
  })
  const shared = await view.values(
    due.map(({ deadline: { timeMs }, sessionId }) =>
      deadlineKey({ kind: 'session', timeMs, id: sessionId }),
    ),
  )
  const own = await view.values(due.map(({ deadline }) => deadlineKey(deadline)))
  const earlier = await view.values(due.map(({ deadline }) => earlierDeadlineKey(deadline)))
  for (const [i, { key, sessionId }] of due.entries()) {
    const isShared = keyInDeadline(shared[i])?.equals(key) ?? false
    if (!isShared && own[i] === undefined && earlier[i] === undefined) {
      yield {
        problem: `an idempotency key of session ${quoted(sessionId)}: no deadline will delete it`,
      }
    }
  }
}

/** Finds deadlines of endings that lead to none. */
async function* checkEndingsOf(
  view: View,
  rows: readonly { readonly deadline: Deadline; readonly value: Uint8Array }[],
): AsyncGenerator<CheckEvent, void> {
  const due = rows.flatMap(({ deadline, value }) =>
    deadline.kind === 'ending' ? [{ id: deadline.id, key: keyInDeadline(value) }] : [],
  )
  const endings = await view.values(due.map(({ key }) => key ?? INFO_KEY))
  for (const [i, { id, key }] of due.entries()) {
    if (endings[i] === undefined || key === undefined || idOfEnding(key) !== id) {
      yield { problem: `session ${quoted(id)}: its ending is missing` }
    }
  }
}

async function* checkEndings(
  view: View,
  slice: Slice,
  epochs: EpochSettings,
): AsyncGenerator<CheckEvent, void> {
  const found: { key: Buffer; deadline: Deadline; id: string }[] = []
  yield* problems(slice, (key, value) => {
    const ending = storedEnding(key, value)
    found.push({ key, deadline: deadlineOfEnding(ending, epochs), id: ending.id })
  })
  const deadlines = await view.values(found.map(({ deadline }) => deadlineKey(deadline)))
  for (const [i, { key, id }] of found.entries()) {
    if (!keyInDeadline(deadlines[i])?.equals(key)) {
      yield { problem: `session ${quoted(id)}: no deadline will delete its ending` }
    }
  }
}

function unarmedProblems(missing: readonly SessionDeadline[]): CheckEvent[] {
  return missing.map(({ id }) => ({
    problem: `session ${quoted(id)}: no deadline will lead the sweep to it in time`,
  }))
}

/** Reads each row, and reports those that cannot be read. */
function* problems(
  slice: Slice,
  read: (key: Buffer, value: Uint8Array) => unknown,
): Generator<CheckEvent, void> {
  for (const [key, value] of slice) {
    try {
      read(key, value)
    } catch (error) {
      if (!(error instanceof StoreDamagedError)) {
        throw error
      }
      yield { problem: error.message }
    }
  }
}
