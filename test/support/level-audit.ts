import { Level } from 'level'
import { deadlineOfEnding } from '../../src/core/endings/session-endings.js'
import type { Session } from '../../src/core/session.js'
import { ByteLevel } from '../../src/stores/level/byte-level.js'
import { decodeInfo } from '../../src/stores/level/layout/info.js'
import {
  deadlineKey,
  deadlineOf,
  entryKey,
  INFO_KEY,
  indexKeys,
  keyInDeadline,
  LAYOUT_VERSION,
  sealKey,
  sessionKey,
  TALLY_KEY,
} from '../../src/stores/level/layout/keys.js'
import { openedRows } from '../../src/stores/level/layout/opened.js'
import { storedEnding } from '../../src/stores/level/layout/stored.js'
import { decodeTally } from '../../src/stores/level/layout/tally.js'
import { decodeEntry, decodeSession } from '../../src/stores/rows/codec.js'
import { EPOCHS } from './store-sessions.js'

/**
 * Walks every row of a LevelStore that is closed, and tells what disagrees: a record has exactly its
 * index rows, an open token session its seal, an idempotency entry and an ending its deadline; the count of open
 * sessions is theirs; and no row is left over.
 */
export async function auditLevel(location: string): Promise<string[]> {
  const level = new Level<Buffer, Uint8Array>(location, {
    keyEncoding: 'buffer',
    valueEncoding: 'view',
    createIfMissing: false,
  })
  await level.open()
  try {
    return findDisagreements(await new ByteLevel(level).iterator().all())
  } finally {
    await level.close()
  }
}

function findDisagreements(rows: readonly (readonly [Buffer, Uint8Array])[]): string[] {
  const problems: string[] = []
  /** The keys that should be there, by what stands in the others. */
  const expected = new Set<string>()
  const entriesDue = new Set<string>()
  const opened: Session[] = []
  let open = 0
  let counted = 0
  for (const [key, value] of rows) {
    switch (key.toString('latin1', 0, 1)) {
      case 's': {
        const session = decodeSession(value)
        const { id, active, token } = session
        const seals = active && token !== null ? [sealKey(id)] : []
        for (const each of [sessionKey(id), ...indexKeys(session), ...seals]) {
          expected.add(hex(each))
        }
        open += active ? 1 : 0
        if (active && token === null) {
          opened.push(session)
        }
        break
      }
      case 'x': {
        const deadline = deadlineOf(key)
        expected.add(hex(deadlineKey(deadline)))
        const shared = keyInDeadline(value)
        if (deadline.kind === 'ending') {
          expected.add(hex(shared ?? Buffer.from('no ending')))
        } else if (deadline.kind === 'idempotency') {
          entriesDue.add(`${hex(entryKey(deadline.scope))} ${deadline.timeMs}`)
        } else if (shared !== undefined) {
          entriesDue.add(`${hex(shared)} ${deadline.timeMs}`)
        }
        break
      }
      case 'e':
        expected.add(hex(deadlineKey(deadlineOfEnding(storedEnding(key, value), EPOCHS))))
        break
      case 'm':
        if (key.equals(TALLY_KEY)) {
          expected.add(hex(key))
          counted = decodeTally(value).openSessions
        } else if (key.equals(INFO_KEY) && decodeInfo(value).layoutVersion === LAYOUT_VERSION) {
          expected.add(hex(key))
        }
        break
    }
  }
  // After the walk, since deadlines sort behind the entries that they belong to.
  for (const [key, value] of rows.filter(([key]) => key.toString('latin1', 0, 1) === 'i')) {
    if (entriesDue.has(`${hex(key)} ${decodeEntry(value).expiresTimeMs}`)) {
      expected.add(hex(key))
    }
  }
  // Opened one after another in the order of the walk, as the store may not have done: the order in
  // which they came must not show.
  const lists = new Map<string, Uint8Array>()
  for (const after of opened) {
    const read = (key: Buffer) => lists.get(hex(key))
    for (const [key, value] of openedRows([{ before: null, after }], read)) {
      lists.set(hex(key), value ?? new Uint8Array())
    }
  }
  for (const [key, value] of rows.filter(([key]) => key.toString('latin1', 0, 1) === 'c')) {
    if (Buffer.compare(lists.get(hex(key)) ?? new Uint8Array(), value) === 0) {
      expected.add(hex(key))
    } else {
      problems.push(`disagrees: ${key.toString('latin1')}`)
    }
  }
  for (const key of lists.keys()) {
    expected.add(key)
  }
  const actual = new Set(rows.map(([key]) => hex(key)))
  for (const key of [...expected].filter((key) => !actual.has(key))) {
    problems.push(`missing: ${Buffer.from(key, 'hex').toString('latin1')}`)
  }
  for (const key of [...actual].filter((key) => !expected.has(key))) {
    problems.push(`left over: ${Buffer.from(key, 'hex').toString('latin1')}`)
  }
  if (counted !== open) {
    problems.push(`${open} sessions are open, but ${counted} were counted`)
  }
  return problems
}

function hex(key: Buffer): string {
  return key.toString('hex')
}
