import { StoreDamagedError } from '../../../core/errors.js'
import type { Session } from '../../../core/session.js'
import { quoted } from '../../rows/record.js'
import { bytesOf, itemsOf, type Reply, valueIn } from '../connection/reply.js'
import type { KnownRecord } from '../known.js'
import { isOpened } from '../layout/keys.js'
import { readRecord, readSeal } from '../layout/values.js'
import type { StoreParts } from '../parts.js'
import { confirm, recordAs, untilCommitted } from '../write/commit.js'

/** A session with its record. */
export interface Found extends KnownRecord {
  readonly session: Session
}

/**
 * `SessionStore.get`. A read alone proves nothing: a master that was stopped, replaced, and goes on, answers it for a moment.
 */
export async function getSession(
  parts: StoreParts,
  id: string,
  { proven = false }: { readonly proven?: boolean } = {},
): Promise<Session | undefined> {
  if (!proven) {
    return (await lookUp(parts, id))?.session
  }
  let found = remembered(parts, id) ?? (await lookUp(parts, id))
  return untilCommitted(async () => {
    if (found === undefined) {
      return { done: undefined }
    }
    const { session, shard } = found
    const answers = await confirm(parts, shard, [recordAs(parts, found)])
    if (answers === null) {
      return { done: session }
    }
    found = foundIn(parts, shard, id, answers[0])
    return undefined
  })
}

/** The session as this server saw it last. */
export function remembered({ known, shards }: StoreParts, id: string): Found | undefined {
  const record = known.record(id)
  return (
    record && {
      ...record,
      session: readRecord(shards.keysOf(record.shard).record(id), id, record.stored),
    }
  )
}

/** The session with this id, as its master has it. */
export async function lookUp(parts: StoreParts, id: string): Promise<Found | undefined> {
  const { functions, shards, whereabouts } = parts
  return whereabouts.find(id, async (shard) => {
    const key = shards.keysOf(shard).record(id)
    const [reply] = await functions.look(shard, [{ kind: 'record', key }])
    return foundIn(parts, shard, id, reply)
  })
}

/** The session in the answer to a question for the record of `id`. */
export function foundIn(
  { shards, known }: StoreParts,
  shard: number,
  id: string,
  reply: Reply | undefined,
): Found | undefined {
  const stored = valueIn(reply)
  if (stored === undefined) {
    known.forget(id)
    return undefined
  }
  const session = readRecord(shards.keysOf(shard).record(id), id, stored)
  if (shards.ofUser(session.userId) !== shard) {
    throw new StoreDamagedError(`session ${quoted(id)}: its record is not in the shard of its user`)
  }
  // A copy: what comes from the engine is a slice of all that it sent.
  known.read(id, { shard, stored: Buffer.from(stored) })
  return { session, shard, stored }
}

/** A place, as `SessionStore.findOpened` gets it. */
export interface Place {
  readonly userId: string
  readonly address: string
  readonly client: string
}

/** `SessionStore.findOpened`. */
export async function findOpened(parts: StoreParts, place: Place): Promise<Session | undefined> {
  const shard = parts.shards.ofUser(place.userId)
  const keys = parts.shards.keysOf(shard)
  const key = keys.opened(place.userId, place.address, place.client)
  const [reply] = await parts.functions.look(shard, [{ kind: 'first', key, detail: keys.records }])
  return openedIn(parts, shard, place, reply)?.session
}

/** The session in the answer to a question for the first that was opened at a place. */
export function openedIn(
  parts: StoreParts,
  shard: number,
  place: Place,
  reply: Reply | undefined,
): Found | undefined {
  const [first, record] = itemsOf(reply)
  if (first === undefined) {
    return undefined
  }
  const id = bytesOf(first).toString()
  const found = foundIn(parts, shard, id, record)
  const { session } = found ?? {}
  if (
    session === undefined ||
    !isOpened(session) ||
    session.userId !== place.userId ||
    session.address !== place.address ||
    session.client !== place.client
  ) {
    throw new StoreDamagedError(
      `session ${quoted(id)}: it is not open where a command would find it`,
    )
  }
  return found
}

/** `SessionStore.seal`. */
export function readSealOf(
  { functions, shards, whereabouts }: StoreParts,
  id: string,
): Promise<Uint8Array | undefined> {
  return whereabouts.find(id, async (shard) => {
    const key = shards.keysOf(shard).seal(id)
    const [reply] = await functions.look(shard, [{ kind: 'value', key }])
    const stored = valueIn(reply)
    return stored && readSeal(key, id, stored)
  })
}
