import { randomUUID } from 'node:crypto'
import { isJsonObject, jsonString } from '../core/commands/json-text.js'
import { MalformedError } from '../core/errors.js'
import type { Outcome } from './act.js'
import { readJson } from './json.js'

/** The largest message, in bytes. */
export const MAX_MESSAGE_BYTES = 1024 * 1024

/** A message that asks for an act. Its other fields are ignored. */
export interface ActMessage extends Asked {
  readonly act: Readonly<Record<string, unknown>>
}

/** What its answer repeats. */
export interface Asked {
  /** Absent when a client of 3.2 or 3.3 calls a remote `prior`. It accepts an answer without one. */
  readonly id: string | undefined
  /** The client's name for itself. Clients from 1.4 on ignore an answer without it. */
  readonly origin: string | undefined
  readonly track: readonly string[] | undefined
  /** Clients of 0.6 leave it out. False: the client wants no answer. */
  readonly sync: boolean | undefined
  /** Unix milliseconds. */
  readonly clientSentAtMs: number | undefined
}

/** Unix milliseconds. */
export interface ListenTimes {
  readonly receivedAtMs: number
  readonly sentAtMs: number
}

/** The name of a new listener in its answers. */
export function newListenerId(): string {
  return `${randomUUID()}/${Date.now()}/sessiond/-`
}

/** Reads one line of Seneca's TCP wire. Throws MalformedError if it is not an act message. */
export function readActMessage(line: Uint8Array): ActMessage {
  const message = readJson(line)
  if (!isJsonObject(message) || message.kind !== 'act') {
    throw new MalformedError('message', 'is not an act')
  }
  return actMessage(message)
}

/** Everything before the key `act`: whole strings and what stands between them. */
const BEFORE_ACT = /^\s*\{(?:"(?:[^"\\]|\\.)*"|[^"])*?(?="act"\s*:)/

/**
 * Reads what stands before the act at the beginning of a line: enough to answer it. Assumes that `sync` is true.
 * Throws MalformedError if this is not the beginning of an act message.
 */
export function readBeginning(beginning: Buffer): ActMessage {
  const head = BEFORE_ACT.exec(beginning.toString())?.[0]
  const message = head === undefined ? null : readJson(Buffer.from(`${head}"act":{}}`))
  if (!isJsonObject(message) || (message.kind ?? 'act') !== 'act') {
    throw new MalformedError('message', 'is not an act')
  }
  return { ...actMessage(message), sync: true }
}

function actMessage(message: Readonly<Record<string, unknown>>): ActMessage {
  const { id, act, origin, track, sync, time } = message
  if (!isJsonObject(act)) {
    throw new MalformedError('message', 'has no act')
  }
  const clientSent = isJsonObject(time) ? time.client_sent : undefined
  return {
    id: typeof id === 'string' ? id : undefined,
    act,
    origin: typeof origin === 'string' ? origin : undefined,
    track: isTexts(track) ? track : undefined,
    sync: typeof sync === 'boolean' ? sync : undefined,
    clientSentAtMs: Number.isFinite(clientSent) ? (clientSent as number) : undefined,
  }
}

/** The answer to a message: one line of Seneca's TCP wire, with its end. It repeats only fields that the message had. */
export function answerLine(
  asked: Asked,
  outcome: Outcome,
  accept: string,
  times: ListenTimes,
): string {
  const { id, origin, track, sync, clientSentAtMs } = asked
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
