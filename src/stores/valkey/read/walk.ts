import { StoreDamagedError } from '../../../core/errors.js'
import { ownerText } from '../../../core/owner-text.js'
import type { Session } from '../../../core/session.js'
import type { Deadline, WalkedEntry } from '../../../core/store.js'
import { bytesOf, wholeNumberOf } from '../connection/reply.js'
import {
  BEFORE_ALL,
  type Row,
  SCAN_START,
  type ScanPlace,
  type ScanStep,
} from '../functions/functions.js'
import { entryScope, readDeadlineMember, readEntry } from '../layout/values.js'
import type { StoreParts } from '../parts.js'
import { inOrder } from './first-rows.js'
import { foundIn } from './lookup.js'

/** Rows in a step: using them takes one turn of the event loop. */
const STEP_ROWS = 100
/** About so many members come from one step of the engine's own walk. */
const SCAN_ROWS = 500
/** Deadlines that are read ahead of each shard. */
const AHEAD_ROWS = 20

/** `SessionStore.walkSeals`. */
export async function* walkSeals(parts: StoreParts): AsyncGenerator<string[], void> {
  const { shards, functions } = parts
  for (const shard of shards) {
    const keys = shards.keysOf(shard)
    for await (const members of scan(parts, shard, 'ZSCAN', keys.list(true))) {
      const ids = members.map(([member]) => member.toString())
      for (const slice of slicesOf(ids)) {
        const asked = slice.map((id) => ['EXISTS', keys.seal(id)])
        const replies = await functions.cluster.command(shard, asked)
        yield slice.filter((_, i) => wholeNumberOf(replies[i]) === 1)
      }
    }
  }
}

/** `SessionStore.walkSessions`. It keeps the ids that there are when it begins, and reads the sessions as it comes to them. */
export async function* walkSessions(
  parts: StoreParts,
  userId: string,
  active?: boolean,
  onDamaged?: (problem: string) => void,
): AsyncGenerator<Session[], void> {
  const { functions, shards } = parts
  const shard = shards.ofUser(userId)
  const keys = shards.keysOf(shard)
  // The open ones first: none that ends meanwhile is missed. It then comes once, among the ended.
  const open = active === false ? [] : await rowsOf(parts, shard, keys.listOfUser(userId, true))
  const ended = active === true ? [] : await rowsOf(parts, shard, keys.listOfUser(userId, false))
  const ids = new Set([...ended, ...open].map(({ member }) => member.toString()))
  for (const slice of slicesOf([...ids])) {
    const questions = slice.map((id) => ({ kind: 'record' as const, key: keys.record(id) }))
    const records = await functions.look(shard, questions)
    const sessions = slice.flatMap((id, i) => {
      const session = readable(() => foundIn(parts, shard, id, records[i])?.session, onDamaged)
      const isWanted = session !== undefined && (active ?? session.active) === session.active
      return isWanted ? [session] : []
    })
    yield sessions
  }
}

/** `SessionStore.walkIdempotency`. */
export async function* walkIdempotency(
  parts: StoreParts,
  owner: Uint8Array,
): AsyncGenerator<WalkedEntry[], void> {
  const userId = ownerText(owner)
  const shard = parts.shards.ofUser(userId)
  const key = parts.shards.keysOf(shard).entries(userId)
  for await (const fields of scan(parts, shard, 'HSCAN', key)) {
    yield fields.map(([field, value]) => {
      const { sessionId, expiresTimeMs } = readEntry(key, field, value)
      return { scope: entryScope(owner, field), sessionId, expiresTimeMs }
    })
  }
}

/** `SessionStore.walkDeadlines`. Merges those of all shards, unless those of one user are wanted. */
export async function* walkDeadlines(
  parts: StoreParts,
  userId?: string,
): AsyncGenerator<Deadline[], void> {
  const shards = userId === undefined ? parts.shards : [parts.shards.ofUser(userId)]
  const heads = await Promise.all(
    Array.from(shards, async (shard) => ({ shard, rows: await ahead(parts, shard) })),
  )
  let slice: Deadline[] = []
  for (;;) {
    const live = heads.filter(({ rows }) => rows.length > 0)
    const [first, ...others] = live
    if (first === undefined) {
      break
    }
    const next = others.reduce(
      (one, other) => (inOrder(other.rows[0] as Row, one.rows[0] as Row) < 0 ? other : one),
      first,
    )
    const row = next.rows.shift() as Row
    slice.push(deadlineIn(parts, next.shard, row))
    if (next.rows.length === 0) {
      next.rows = await ahead(parts, next.shard, row)
    }
    if (slice.length === STEP_ROWS) {
      yield slice
      slice = []
    }
  }
  yield slice
}

function ahead(
  { functions, shards }: StoreParts,
  shard: number,
  from = BEFORE_ALL,
): Promise<Row[]> {
  return functions.after(shard, [shards.keysOf(shard).deadlines], from, AHEAD_ROWS)
}

/** The deadline of a row. What was met shows where its session lies. */
export function deadlineIn({ shards, whereabouts }: StoreParts, shard: number, row: Row): Deadline {
  const deadline = readDeadlineMember(shards.keysOf(shard).deadlines, row.member, row.score)
  if (deadline.kind !== 'idempotency') {
    whereabouts.met(deadline.id, shard)
  }
  return deadline
}

/** All rows of a sorted set, in order: each that is there from the beginning to the end. */
async function rowsOf(parts: StoreParts, shard: number, key: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const found of scan(parts, shard, 'ZSCAN', key)) {
    rows.push(...found.map(([member, score]) => ({ member, score: wholeNumberOf(score) })))
  }
  return rows.sort(inOrder)
}

/**
 * The engine's own walk over a sorted set or a hash, in no order: each member or field with its score or value, once. What is
 * there from the beginning to the end is among them, however it changes, and also where another process becomes the master.
 */
export async function* scan(
  { functions }: Pick<StoreParts, 'functions'>,
  shard: number,
  command: 'ZSCAN' | 'HSCAN',
  key: string,
): AsyncGenerator<[Buffer, Buffer][], void> {
  const met = new Set<string>()
  let place: ScanPlace | undefined = SCAN_START
  while (place !== undefined) {
    const { flat, next }: ScanStep = await functions.scan(shard, command, key, place, SCAN_ROWS)
    const pairs: [Buffer, Buffer][] = []
    for (let i = 0; i < flat.length; i += 2) {
      const member = Buffer.from(bytesOf(flat[i]))
      const name = member.toString('latin1')
      if (!met.has(name)) {
        met.add(name)
        pairs.push([member, bytesOf(flat[i + 1])])
      }
    }
    yield pairs
    place = next
  }
}

function readable<T>(read: () => T, onDamaged?: (problem: string) => void): T | undefined {
  try {
    return read()
  } catch (error) {
    if (onDamaged === undefined || !(error instanceof StoreDamagedError)) {
      throw error
    }
    onDamaged(error.message)
    return undefined
  }
}

/** In steps of bounded size. */
export function* slicesOf<T>(all: readonly T[], length = STEP_ROWS): Generator<T[], void> {
  for (let i = 0; i < all.length; i += length) {
    yield all.slice(i, i + length)
  }
}
