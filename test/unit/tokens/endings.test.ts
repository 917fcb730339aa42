import { randomBytes, randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { verify as verifyHere } from '#tokens/verify'
import { sameBytes } from '../../../src/core/bytes.js'
import { EndedSessions, type EndedSessionsOptions } from '../../../src/tokens/endings.js'
import { verify as verifyInBrowsers } from '../../../src/tokens/verify-browser.js'
import type { EndedSession } from '../../../src/tokens/watch-message.js'
import { newOwner } from '../../support/create.js'
import { WatchStream } from '../../support/watch-stream.js'

const server = newOwner()
const NOW_MS = 1_700_000_000_000

const ending = (parts: Partial<EndedSession> = {}): EndedSession => ({
  ...{ id: randomUUID(), endTimeMs: NOW_MS, reason: 'revoked', exp: 100n },
  ...parts,
})

function setUp(options: Partial<EndedSessionsOptions> = {}) {
  const request = randomBytes(32)
  const ended = new EndedSessions({
    trusts: (key) => sameBytes(key, server.publicKey),
    epoch: () => 50n,
    nowMs: () => NOW_MS,
    ...options,
  })
  return { ended, sent: new WatchStream(request, server), stream: ended.stream(request) }
}

it('keeps what a stream tells, and how fresh it is', () => {
  const { ended, sent, stream } = setUp()
  const [first, second] = [ending(), ending({ reason: 'closed' })]
  const cursor = Buffer.from('here')
  const answer = sent.message([first], { isFull: true, isLast: true, timeMs: NOW_MS - 9, cursor })
  expect(stream.accept(answer)).toEqual({ isGood: true, endings: [first], isFull: true })
  expect(stream.isCaughtUp).toBe(true)
  expect(ended.verifiedAtMs).toBe(NOW_MS - 9)
  expect(stream.accept(sent.message([second]))).toMatchObject({ isGood: true, isFull: false })
  expect(ended.find(first.id)).toEqual(first)
  expect(ended.find(second.id)).toEqual(second)
  expect(ended.find(randomUUID())).toBeUndefined()
  expect(ended.size).toBe(2)
  // Neither says more: as before.
  expect(Buffer.from(ended.cursor)).toEqual(cursor)
  expect(ended.verifiedAtMs).toBe(NOW_MS - 9)
})

it('knows nothing before a stream has told all that ended before it', () => {
  const { ended, sent, stream } = setUp()
  expect(ended.verifiedAtMs).toBeNull()
  stream.accept(sent.message([ending()], { isFull: true }))
  expect([ended.verifiedAtMs, stream.isCaughtUp]).toEqual([null, false])
  stream.accept(sent.message([], { isLast: true, timeMs: NOW_MS }))
  expect([ended.verifiedAtMs, stream.isCaughtUp]).toEqual([NOW_MS, true])
})

it('is as fresh as the last message, also where the clock was set back before it', () => {
  let nowMs = NOW_MS + 3_600_000
  const { ended, sent, stream } = setUp({ nowMs: () => nowMs })
  stream.accept(sent.message([], { isLast: true, timeMs: nowMs }))
  expect(ended.verifiedAtMs).toBe(nowMs)
  nowMs = NOW_MS
  stream.accept(sent.message([], { timeMs: nowMs }))
  expect(ended.verifiedAtMs).toBe(nowMs)
})

it('believes no clock that is ahead of its own', () => {
  const { ended, sent, stream } = setUp()
  stream.accept(sent.message([], { isLast: true, timeMs: NOW_MS + 60_000 }))
  expect(ended.verifiedAtMs).toBe(NOW_MS)
})

/** Messages of a stream after its answer. */
function liveMessages({ sent, stream }: ReturnType<typeof setUp>) {
  stream.accept(sent.message([ending()], { isLast: true, timeMs: 1 }))
  return [[ending(), ending()], [ending()], []].map((endings) =>
    sent.message(endings, { timeMs: 2 }),
  )
}

it.each<[string, (messages: Buffer[]) => Buffer[]]>([
  ['leaves out', ([, ...rest]) => rest],
  ['repeats', ([first, ...rest]) => [first, first, ...rest] as Buffer[]],
  ['reorders', ([first, second, ...rest]) => [second, first, ...rest] as Buffer[]],
  ['leaves out all but the heartbeat of', (messages) => messages.slice(-1)],
])('finds a proxy that %s a message with endings', (_, spoil) => {
  const set = setUp()
  const verdicts = spoil(liveMessages(set)).map((message) => set.stream.accept(message))
  expect(verdicts).toContainEqual(expect.objectContaining({ reason: 'BROKEN_CHAIN' }))
  // From there on nothing is believed.
  expect(verdicts.at(-1)).toMatchObject({ isGood: false, reason: 'BROKEN_CHAIN' })
  expect(set.ended.verifiedAtMs).toBeLessThanOrEqual(2)
})

it('lets a heartbeat be lost or repeated, which changes nothing that is known', () => {
  const set = setUp()
  const messages = liveMessages(set)
  const heartbeat = messages.at(-1) as Buffer
  for (const message of [...messages, heartbeat, set.sent.message([ending()])]) {
    expect(set.stream.accept(message).isGood).toBe(true)
  }
})

it('finds an altered message by its signature', () => {
  for (let at = 0; at < 60; at++) {
    const set = setUp()
    const [message] = liveMessages(set) as [Buffer]
    message[at] = (message[at] as number) ^ 1
    expect(set.stream.accept(message).isGood, `byte ${at}`).toBe(false)
    expect(set.ended.size).toBe(1)
  }
})

it('takes no answer to another request, nor the messages of another stream', () => {
  const other = new WatchStream(randomBytes(32), server)
  const foreign = other.message([], { isLast: true })
  expect(setUp().stream.accept(foreign)).toMatchObject({ reason: 'OTHER_REQUEST' })
  const set = setUp()
  liveMessages(set)
  expect(set.stream.accept(other.message([ending()]))).toMatchObject({ reason: 'BROKEN_CHAIN' })
})

it.each<[string, (set: ReturnType<typeof setUp>) => Buffer]>([
  [
    'a message of the second part first',
    ({ sent }) => {
      sent.message([], { isLast: true })
      return sent.message([])
    },
  ],
  [
    'an answer in the second part',
    ({ sent, stream }) => {
      stream.accept(sent.message([], { isLast: true }))
      return sent.message([], { parts: { request: randomBytes(32) } })
    },
  ],
  [
    'a second answer',
    ({ sent, stream }) => {
      stream.accept(sent.message([], { isLast: true }))
      return sent.message([], { parts: { nextHash: randomBytes(32) } })
    },
  ],
  [
    'a list that begins anew within the stream',
    ({ sent, stream }) => {
      stream.accept(sent.message([], {}))
      return sent.message([], { isFull: true })
    },
  ],
])('refuses %s', (_, spoilt) => {
  const set = setUp()
  expect(set.stream.accept(spoilt(set))).toMatchObject({ reason: 'OTHER_REQUEST' })
})

it('believes the keys that it trusts alone, also where the server takes another in the middle', () => {
  const next = newOwner()
  const trusted = [server.publicKey]
  const set = setUp({ trusts: (key) => trusted.some((one) => sameBytes(one, key)) })
  set.stream.accept(set.sent.message([], { isLast: true }))
  trusted.push(next.publicKey)
  set.sent.signer = next
  expect(set.stream.accept(set.sent.message([ending()])).isGood).toBe(true)
  set.sent.signer = newOwner()
  expect(set.stream.accept(set.sent.message([]))).toMatchObject({ reason: 'UNKNOWN_KEY' })
})

it('refuses a signature that only claims a trusted key', () => {
  const set = setUp()
  set.sent.signer = { publicKey: server.publicKey, sign: newOwner().sign }
  expect(set.stream.accept(set.sent.message([], { isLast: true }))).toMatchObject({
    reason: 'BAD_SIGNATURE',
  })
})

it.each<[string, Parameters<WatchStream['message']>[0], object]>([
  ['a hash of another length', [], { hash: new Uint8Array(31) }],
  ['a request of another length', [], { request: new Uint8Array(31) }],
  ['a next hash of another length', [], { nextHash: new Uint8Array(33) }],
  ['a time that no number holds', [], { timeMs: 2n ** 60n }],
  ['an ending without a reason', [ending({ reason: '' })], {}],
  ['a reason that is too long', [ending({ reason: 'x'.repeat(65) })], {}],
  ['an id that is no UUIDv4', [ending({ id: '00000000-0000-1000-8000-000000000000' })], {}],
])('refuses a message with %s', (_, endings, parts) => {
  const { sent, stream } = setUp()
  const verdict = stream.accept(sent.message(endings, { isLast: true, parts }))
  expect(verdict).toMatchObject({ isGood: false, reason: 'MALFORMED' })
})

it('never throws, whatever the bytes', () => {
  for (let i = 0; i < 200; i++) {
    expect(setUp().stream.accept(randomBytes(i)).isGood).toBe(false)
  }
})

it('keeps endings no longer than twice the number of unexpired ones', () => {
  let epoch = 0n
  const { ended, sent, stream } = setUp({ epoch: () => epoch })
  stream.accept(sent.message([], { isLast: true }))
  for (let i = 0; i < 100; i++) {
    epoch = BigInt(i)
    const endings = Array.from({ length: 100 }, () => ending({ exp: epoch + 4n }))
    expect(stream.accept(sent.message(endings)).isGood).toBe(true)
    expect(endings.every(({ id }) => ended.find(id) !== undefined)).toBe(true)
  }
  // 500 are unexpired; below a thousand nothing is forgotten.
  expect(ended.size).toBeLessThanOrEqual(1100)
})

it('verifies the headers of an epoch once', () => {
  let verified = 0
  const set = setUp({
    verify: (...signature) => {
      verified++
      return verifyHere(...signature)
    },
  })
  for (const message of liveMessages(set)) {
    set.stream.accept(message)
  }
  // Four bodies, one meta header, one signature over nothing.
  expect(verified).toBe(6)
})

it('remembers nothing of the epochs before', () => {
  const contents: Uint8Array[] = []
  const { sent, stream } = setUp({
    verify: (key, signature, content) => {
      contents.push(content)
      return verifyHere(key, signature, content)
    },
  })
  for (const epoch of [7n, 8n, 9n, 7n]) {
    sent.epoch = epoch
    stream.accept(sent.message([], { isLast: contents.length === 0 }))
  }
  // Four bodies and four meta headers, and one signature over nothing.
  expect(contents).toHaveLength(9)
})

it('verifies in browsers too', () => {
  const set = setUp({ verify: verifyInBrowsers })
  for (const message of liveMessages(set)) {
    expect(set.stream.accept(message).isGood).toBe(true)
  }
})
