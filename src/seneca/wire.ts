import { randomUUID } from 'node:crypto'
import { jsonString } from '../core/commands/json-text.js'
import { MalformedError } from '../core/errors.js'
import type { Outcome } from './act.js'
import { isObject, readJson } from './json.js'

/** The largest message that is read, in bytes. */
export const MAX_MESSAGE_BYTES = 1024 * 1024

/** A message that asks for an act. What else clients put into it has no effect. */
export interface ActMessage {
  /** Absent where a client of 3.2 or 3.3 calls a `prior` that is remote; it takes an answer without. */
  readonly id: string | undefined
  readonly act: Readonly<Record<string, unknown>>
  /** The client's own name for itself: without it clients from 1.4 on do not see the answer. */
  readonly origin: string | undefined
  readonly track: readonly string[] | undefined
  /** Absent from clients of 0.6; false where no answer is waited for. */
  readonly sync: boolean | undefined
  /** Unix milliseconds. */
  readonly clientSentAtMs: number | undefined
}

/** Unix milliseconds. */
export interface ListenTimes {
  readonly receivedAtMs: number
  readonly sentAtMs: number
}

/** What this listener calls itself in its answers. */
export function newListenerId(): string {
  return `${randomUUID()}/${Date.now()}/sessiond/-`
}

/** Reads one line of Seneca's TCP wire. Throws MalformedError where it is no act message. */
export function readActMessage(line: Uint8Array): ActMessage {
  const message = readJson(line)
  if (!isObject(message) || message.kind !== 'act') {
    throw new MalformedError('message', 'is not an act')
  }
  return actMessage(message)
}

/** All up to the key `act`, in whole texts and what stands between them. */
const BEFORE_ACT = /^\s*\{(?:"(?:[^"\\]|\\.)*"|[^"])*?(?="act"\s*:)/

/**
 * Reads what the beginning of a line has before the act, which is what its answer needs; of what would come
 * later, `sync` is taken for true. Throws MalformedError where no act message begins so.
 */
export function readBeginning(beginning: Buffer): ActMessage {
  const head = BEFORE_ACT.exec(beginning.toString())?.[0]
  const message = head === undefined ? null : readJson(Buffer.from(`${head}"act":{}}`))
  if (!isObject(message) || (message.kind ?? 'act') !== 'act') {
    throw new MalformedError('message', 'is not an act')
  }
  return { ...actMessage(message), sync: true }
}

function actMessage(message: Readonly<Record<string, unknown>>): ActMessage {
  const { id, act, origin, track, sync, time } = message
  if (!isObject(act)) {
    throw new MalformedError('message', 'has no act')
  }
  const clientSent = isObject(time) ? time.client_sent : undefined
  return {
    id: typeof id === 'string' ? id : undefined,
    act,
    origin: typeof origin === 'string' ? origin : undefined,
    track: isTexts(track) ? track : undefined,
    sync: typeof sync === 'boolean' ? sync : undefined,
    clientSentAtMs: Number.isFinite(clientSent) ? (clientSent as number) : undefined,
  }
}

/** One line of Seneca's TCP wire, with its end. What the message did not have, its answer has not. */
export function answerLine(
  message: ActMessage,
  outcome: Outcome,
  accept: string,
  times: ListenTimes,
): string {
  const { id, origin, track, sync, clientSentAtMs } = message
  const key = outcome.status === 200 ? 'res' : 'error'
  return (
    `{${id === undefined ? '' : `"id":${jsonString(id)},`}"kind":"res",` +
    `${origin === undefined ? '' : `"origin":${jsonString(origin)},`}"accept":"${accept}",` +
    `${track === undefined ? '' : `"track":[${track.map(jsonString).join()}],`}"time":{` +
    `${clientSentAtMs === undefined ? '' : `"client_sent":${clientSentAtMs},`}` +
    `"listen_recv":${times.receivedAtMs},"listen_sent":${times.sentAtMs}},` +
    `${sync === undefined ? '' : `"sync":${sync},`}"${key}":${outcome.json}}\n`
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
