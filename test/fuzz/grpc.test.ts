import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterAll, expect } from 'vitest'
import {
  SessionIdRequest,
  SessionObjectReply,
  SessionOpenRequest,
  SessionPageReply,
  SessionPageRequest,
  SessionStoreDataRequest,
  SessionUpdateUserRequest,
} from '#generated/sessions_v1/sessions'
import { CATEGORIES } from '../../src/commandable/description.js'
import { EpochClock } from '../../src/core/epoch.js'
import { readCreateResponse } from '../../src/envelope/create.js'
import { STATUS_CODES } from '../../src/grpc/pipeline/status.js'
import { sessionService } from '../../src/grpc/services/session.js'
import { sessionsService } from '../../src/grpc/services/sessions.js'
import { carol, len, request, requestBody, requestMeta } from '../support/envelope.js'
import { incomingCall, startTestGrpc } from '../support/grpc.js'
import {
  Flag,
  Frame,
  frame,
  grpcMessage,
  literalHeader,
  PING,
  PREFACE,
} from '../support/http2-frames.mjs'
import { mintingAt } from '../support/minting.js'
import { mutate, pick, type Random } from '../support/mutate.js'
import { recordCalls } from '../support/observer.js'
import { CALLER, START_MS, sessionsAt } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateBytes, mutateJson, mutateLines } from './mutations.js'
import { sendRaw } from './raw-peer.js'

const { create, sessions } = sessionsAt()
const { observer, ended, internal } = recordCalls()
const clock = new EpochClock({ genesisAtMs: 0, lengthMs: 1000 }, () => START_MS)
const sessionsV1 = sessionsService(sessions, { observer })
const server = await startTestGrpc(
  {
    'sessions_v1.Sessions': sessionsV1,
    'session.Session': sessionService({ create, ...mintingAt(clock), observer }),
  },
  // Whose calls fail all the time would be kept out.
  { peerFailuresPerSecond: 0 },
)
const client = new Client(server.address, credentials.createInsecure())
const port = Number(server.address.split(':').at(-1))
afterAll(async () => {
  client.close()
  await server.close(0)
})

const DEADLINE_MS = 10_000
const MAPPED = new Set([...Object.values(STATUS_CODES), status.RESOURCE_EXHAUSTED])

/** A call over the wire: the reply, or the status that is not OK. */
function call(path: string, bytes: Buffer): Promise<Buffer | ServiceError> {
  return new Promise((resolve) =>
    client.makeUnaryRequest<Buffer, Buffer>(
      path,
      (b) => b,
      (b) => b,
      bytes,
      new Metadata(),
      { deadline: Date.now() + DEADLINE_MS },
      (error, reply) => resolve(error ?? (reply as Buffer)),
    ),
  )
}

let checks = 0

async function checkSound(): Promise<void> {
  expect(internal).toEqual([])
  ended.length = 0
  if (checks++ % 500 === 0) {
    for (const { id } of (await sessions.list({})).sessions) {
      await sessions.delete(id, {}, CALLER)
    }
  }
}

const methods = Object.keys(sessionsV1.implementation)
const METADATA = [
  ...['sessiond-user-id-bin', 'sessiond-address-bin', 'sessiond-client-bin', 'sessiond-load'],
]

/** A method, which metadata come with it, and the message. */
function v1Call(method: string, type: Pick<typeof SessionIdRequest, 'encode'>, message: object) {
  return [0, 1, 0b1000_0001, 0b0000_0111].map((metadata) =>
    Buffer.concat([
      Buffer.of(methods.indexOf(method), metadata),
      type.encode(message as never).finish(),
    ]),
  )
}

const opening = {
  ...{ correlationId: 'c', userId: 'u', userName: 'Ü', address: 'a', client: 'b' },
  ...{ user: '{"id":"u"}', data: '[1,{"a":null}]' },
}
const filter = Object.entries({
  user_id: 'u',
  active: 'true',
  from_time: '1',
  to_time: '2030-01-01',
})
const v1Calls = [
  ...v1Call('open_session', SessionOpenRequest as never, opening),
  ...v1Call('get_sessions', SessionPageRequest as never, {
    correlationId: 'c',
    filter: new Map(filter),
    paging: { skip: 1n, take: 2, total: true },
  }),
  ...v1Call('store_session_data', SessionStoreDataRequest as never, {
    correlationId: '',
    sessionId: 's',
    data: '1',
  }),
  ...v1Call('update_session_user', SessionUpdateUserRequest as never, {
    correlationId: '',
    sessionId: 's',
    user: '{}',
  }),
  ...[
    'get_session_by_id',
    'close_session',
    'delete_session_by_id',
    'close_expired_sessions',
  ].flatMap((method) => v1Call(method, SessionIdRequest, { correlationId: 'c', sessionId: 's' })),
]

/** One more field at the end, which counts instead of the same one before. */
function setText(random: Random, originals: readonly Buffer[]): Buffer {
  const mutateText = pick(random, [mutateLines, mutateJson])
  const text = mutateText(random, [Buffer.from('{"a":["b"]}'), Buffer.from('true')])
  return Buffer.concat([pick(random, originals), len(1 + random(7), text)])
}

fuzz({
  name: 'sessions-v1',
  seeds: v1Calls,
  mutate: (random, originals) =>
    pick(random, [mutateBytes, mutateJson, setText, setText])(random, originals),
  reaches: ['reply', 'MISSING_FIELD', 'INVALID_FIELD', 'INVALID_ARGUMENT'],
  async check(input) {
    const [which = 0, bits = 0] = input
    const method = methods[which % methods.length] ?? ''
    const metadata = new Metadata()
    for (const [i, key] of METADATA.entries()) {
      if (bits & (1 << i)) {
        metadata.set(key, key.endsWith('-bin') ? input.subarray(2, 2 + (bits >> 4)) : '1')
      }
    }
    const handle = sessionsV1.implementation[method] as unknown as (
      call: object,
      callback: (error: { code: status } | null, reply: Buffer) => void,
    ) => void
    const [error, reply] = await new Promise<[{ code: status } | null, Buffer]>((resolve) =>
      handle(incomingCall(method, input.subarray(2), metadata), (...outcome) => resolve(outcome)),
    )
    await checkSound()
    if (error !== null) {
      expect(MAPPED).toContain(error.code)
      return status[error.code] ?? ''
    }
    const type = method === 'get_sessions' ? SessionPageReply : SessionObjectReply
    const told = type.decode(reply).error
    expect(told === undefined || told.code in CATEGORIES).toBe(true)
    return told?.code ?? 'reply'
  },
})

const creates = [
  request(),
  request(requestMeta(), requestBody(carol.publicKey), carol),
  request(
    requestMeta({
      xHeaders: [
        { key: 'client', value: 'c' },
        { key: 'idempotency-key', value: 'k' },
      ],
    }),
  ),
  // Found: the error quoted the key, the trailers were too long to send, and the call never ended.
  request(requestMeta({ xHeaders: Array(2).fill({ key: 'ä'.repeat(15_000), value: '' }) })),
]

fuzz({
  name: 'create-call',
  seeds: creates,
  mutate: (random, originals) =>
    random(2) === 0 ? mutateBytes(random, originals) : Buffer.from(mutate(random, creates)),
  reaches: ['session', 'INVALID_ARGUMENT', 'UNAUTHENTICATED'],
  leastRuns: 200,
  async check(input) {
    const outcome = await call('/session.Session/Create', input)
    await checkSound()
    if (Buffer.isBuffer(outcome)) {
      expect(readCreateResponse(outcome).id).toHaveLength(16)
      return 'session'
    }
    // Its own statuses come with their details; the receive limit's, of the transport, without.
    if (!MAPPED.has(outcome.code)) {
      throw outcome
    }
    return status[outcome.code]
  },
})

function connection(path: string, message: Uint8Array, more: Record<string, string> = {}): Buffer {
  const fields = {
    ...{ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'localhost' },
    ...{ 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '10S', ...more },
  }
  const head = Buffer.concat(
    Object.entries(fields).map(([name, value]) => literalHeader(name, value)),
  )
  const body = grpcMessage(message)
  return Buffer.concat([
    PREFACE,
    frame(Frame.SETTINGS, 0, 0, Buffer.of(0, 4, 0, 1, 0, 0)),
    frame(Frame.WINDOW_UPDATE, 0, 0, Buffer.of(0, 1, 0, 0)),
    frame(Frame.HEADERS, 0, 1, head.subarray(0, 40)),
    frame(Frame.CONTINUATION, Flag.END_HEADERS, 1, head.subarray(40)),
    frame(Frame.DATA, 0, 1, body.subarray(0, 25)),
    PING,
    frame(Frame.DATA, Flag.END_STREAM, 1, body.subarray(25)),
    frame(Frame.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 3, head),
    frame(Frame.RST_STREAM, 0, 3, Buffer.alloc(4)),
    frame(Frame.GOAWAY, 0, 0, Buffer.alloc(8)),
  ])
}

/** Whole frames of one connection or two, moved about; then bytes. */
function mutateFrames(random: Random, originals: readonly Buffer[]): Buffer {
  const bytes = pick(random, originals)
  const frames: Buffer[] = []
  for (let at = PREFACE.length; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    frames.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  for (let times = random(4); times > 0 && frames.length > 0; times--) {
    const [taken = Buffer.from(PING)] = frames.splice(
      random(frames.length),
      random(3) === 0 ? 0 : 1,
    )
    for (const _ of Array(pick(random, [0, 1, 1, 2, 300]))) {
      frames.splice(random(frames.length + 1), 0, taken)
    }
    if (taken.length > 9) {
      taken[pick(random, [3, 4, 8])] = random(16)
    }
  }
  const mutated = Buffer.concat([PREFACE, ...frames])
  return random(2) === 0 ? mutated : mutateBytes(random, [mutated])
}

const lookup = Buffer.from(
  SessionIdRequest.encode({ correlationId: '', sessionId: 'unknown' }).finish(),
)
const LOOKUP = '/sessions_v1.Sessions/get_session_by_id'

fuzz({
  name: 'http2',
  seeds: [
    connection(LOOKUP, lookup),
    connection('/session.Session/Create', creates[0] as Buffer),
    connection('/grpc.health.v1.Health/Check', Buffer.of()),
    connection('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', Buffer.of(0x3a, 0)),
    connection(LOOKUP, lookup, { 'grpc-encoding': 'gzip', 'sessiond-user-id-bin': '!!' }),
    connection(LOOKUP, lookup, { 'content-type': 'application/grpc-web', 'grpc-timeout': '1e9' }),
  ],
  mutate: mutateFrames,
  reaches: ['answered'],
  leastRuns: 200,
  async check(input) {
    const answer = await sendRaw(port, input, async () => {
      const reply = await call(LOOKUP, lookup)
      expect(reply).toBeInstanceOf(Uint8Array)
    })
    await checkSound()
    return answer.length > 0 ? 'answered' : 'closed'
  },
})
