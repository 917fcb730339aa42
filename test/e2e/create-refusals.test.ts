import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { n3Account } from '../../src/crypto/n3.js'
import { readCreateRequest } from '../../src/envelope/create.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import type { Node } from '../../src/server/start.js'
import { stopClock } from '../support/clock.js'
import {
  type CreateClient,
  createClient,
  createRequest,
  epochNow,
  newOwner,
} from '../support/create.js'
import { alice, carol, hop, len, message } from '../support/envelope.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'

const dataDir = await temporaryDirectory(afterAll)
let node: Node
let client: CreateClient

beforeAll(async () => {
  node = await startTestNode(dataDir)
  client = createClient(node.addresses.grpc)
})
afterAll(async () => {
  client.close()
  await node.close()
})

/** The message with one bit flipped where `part` begins in it. */
function altered(message: Buffer, part: Uint8Array): Buffer {
  const copy = Buffer.from(message)
  const at = copy.indexOf(part)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** One hop more than is allowed. Field 7 of a meta header and 4 of a verification header wrap. */
function seventeenLevels(): Buffer {
  let request = createRequest({ meta: { ttl: 20 } })
  for (let i = 0; i < 15; i++) {
    request = wrapRequest(request, hop)
  }
  const { body, outermost } = readCreateRequest(request).message
  return message(body, len(7, outermost.meta), len(4, outermost.verify))
}

/** All of a Create but its verification header. */
function unsigned(): Buffer {
  const { body, outermost } = readCreateRequest(createRequest()).message
  return Buffer.concat([len(1, body), len(2, outermost.meta)])
}

const DAY = 24n * 3600n
const bob = newOwner()
const text = (value: string) => Buffer.from(value)
const withXHeaders = (...pairs: [key: string, value: string][]) =>
  createRequest({ meta: { xHeaders: pairs.map(([key, value]) => ({ key, value })) } })

type Refusals = Record<string, () => Uint8Array>

/** By code, reason and field. */
const refusals: [code: string, reason: string, field: string | undefined, Refusals][] = [
  [
    'INVALID_ARGUMENT',
    'MALFORMED',
    undefined,
    {
      garbage: () => text('garbage'),
      'a zero tag': () => Buffer.concat([createRequest(), Buffer.of(0)]),
      'more than 64 KiB': () => Buffer.concat([createRequest(), len(99, randomBytes(64 * 1024))]),
    },
  ],
  [
    'INVALID_ARGUMENT',
    'MALFORMED',
    'verify_header',
    { 'an end too soon': () => createRequest().subarray(0, -1) },
  ],
  [
    'INVALID_ARGUMENT',
    'MALFORMED',
    `meta_header${'.origin'.repeat(16)}`,
    { '17 levels': seventeenLevels },
  ],
  [
    'INVALID_ARGUMENT',
    'MALFORMED',
    'body',
    { 'two bodies': () => Buffer.concat([createRequest(), len(1)]) },
  ],
  ['INVALID_ARGUMENT', 'MISSING_FIELD', 'body', { 'no bytes': () => text('') }],
  [
    'INVALID_ARGUMENT',
    'MISSING_FIELD',
    'body.owner_id.value',
    { 'no owner': () => createRequest({ owner: text('') }) },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_FIELD',
    'body.owner_id.value',
    { 'an owner of 65 bytes': () => createRequest({ owner: new Uint8Array(65) }) },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_FIELD',
    'meta_header.ttl',
    { 'a ttl of 0': () => createRequest({ meta: { ttl: 0 } }) },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_FIELD',
    'meta_header.x_headers',
    {
      'an x-header twice': () => withXHeaders(['a', '1'], ['a', '2']),
      'an x-header without a key': () => withXHeaders(['', '1']),
      'an empty idempotency key': () => withXHeaders(['idempotency-key', '']),
      'an idempotency key of 129 bytes': () =>
        withXHeaders(['idempotency-key', `${'é'.repeat(64)}k`]),
      'an x-header twice in another case': () => withXHeaders(['Client', '1'], ['client', '2']),
      'a client name of 1,025 bytes': () => withXHeaders(['client', 'c'.repeat(1025)]),
    },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_FIELD',
    'meta_header.origin.x_headers',
    {
      'a client name of 1,025 bytes that a hop wrapped': () =>
        wrapRequest(withXHeaders(['client', 'c'.repeat(1025)]), hop),
    },
  ],
  [
    'INVALID_ARGUMENT',
    'MALFORMED',
    'meta_header',
    {
      'more than 1,024 fields': () =>
        withXHeaders(...Array.from({ length: 600 }, (_, i) => [`${i}`, ''] as [string, string])),
    },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_LIFETIME',
    'body.lifetime.exp',
    {
      'a lifetime that is over': () =>
        createRequest({ lifetime: { exp: epochNow() - 1n, nbf: 0n } }),
      'a lifetime without end': () => createRequest({ lifetime: { exp: 2n ** 64n - 1n } }),
      'a lifetime of 31 days': () => createRequest({ lifetime: { exp: epochNow() + 31n * DAY } }),
    },
  ],
  [
    'INVALID_ARGUMENT',
    'INVALID_LIFETIME',
    'body.lifetime.nbf',
    { 'nbf after exp': () => createRequest({ lifetime: { nbf: epochNow() + 7200n } }) },
  ],
  [
    'FAILED_PRECONDITION',
    'EPOCH_DRIFT',
    undefined,
    {
      'an old request': () => createRequest({ lifetime: { iat: epochNow() - 400n } }),
      'a request of the future': () => createRequest({ lifetime: { iat: epochNow() + 400n } }),
      'an old meta header': () => createRequest({ meta: { epoch: epochNow() - 400n } }),
      'a meta header of the future': () => createRequest({ meta: { epoch: epochNow() + 400n } }),
    },
  ],
  [
    'FAILED_PRECONDITION',
    'UNSUPPORTED_VERSION',
    undefined,
    { 'version 3': () => createRequest({ meta: { version: { major: 3, minor: 0 } } }) },
  ],
  [
    'UNAUTHENTICATED',
    'BAD_SIGNATURE',
    undefined,
    {
      'an altered body': () => altered(createRequest({ signer: bob }), bob.publicKey),
      // Whoever reads it before the proof answers MALFORMED.
      'an altered token of 30,000 empty records, the last one cut short': () => {
        const records = Buffer.concat([Buffer.alloc(60_000, len(2)), Buffer.of(0x12, 1)])
        const bearer = len(6, len(1, len(1, records)))
        const { body, outermost } = readCreateRequest(createRequest({ signer: bob })).message
        return message(body, Buffer.concat([outermost.meta, bearer]), outermost.verify)
      },
      'an altered x-header': () => altered(withXHeaders(['client', 'harry']), text('harry')),
    },
  ],
  [
    'PERMISSION_DENIED',
    'OWNER_KEY_MISMATCH',
    undefined,
    {
      "another's Ed25519 key as owner": () => createRequest({ owner: alice.publicKey }),
      "another's N3 account as owner": () =>
        createRequest({ signer: carol, owner: n3Account(alice.publicKey) }),
      'an owner that names no key': () => createRequest({ owner: text('alice') }),
    },
  ],
]

describe('Create refuses', () => {
  it.each(
    refusals.flatMap(([code, reason, field, cases]) =>
      Object.entries(cases).map(
        ([name, request]) => [name, reason, { code, field, request }] as const,
      ),
    ),
  )('%s: %s', async (_, reason, { code, field, request }) => {
    await expect(client.create(request())).rejects.toMatchObject({
      code,
      reason,
      field,
      domain: 'sessiond',
      retrySeconds: undefined,
    })
  })

  it('with the server epoch where the refusal is about time', async () => {
    const before = epochNow()
    for (const lifetime of [{ exp: before - 1n, nbf: 0n }, { iat: before - 400n }]) {
      const refusal = await client.create(createRequest({ lifetime })).catch((error) => error)
      const epoch = BigInt(refusal.metadata.server_epoch)
      expect(epoch >= before && epoch <= epochNow()).toBe(true)
    }
  })

  it('with the rule that is in force where a key may not speak for the owner', async () => {
    await expect(client.create(createRequest({ owner: hop.publicKey }))).rejects.toMatchObject({
      message: expect.stringContaining('self-certifying owners'),
      metadata: { policy: 'self-certifying owners', part: 'key' },
    })
  })

  const account = n3Account(carol.publicKey)
  const changed = (at: number) => account.map((byte, i) => (i === at ? byte ^ 1 : byte))
  it.each<[part: string, owner: Uint8Array, says: RegExp]>([
    ['length', account.subarray(1), /24 bytes/],
    ['prefix', changed(0), /begins with 0x35, not 0x34/],
    ['checksum', changed(1), /last 4 bytes are not the checksum/],
    ['checksum', changed(24), /last 4 bytes are not the checksum/],
    ['key', n3Account(alice.publicKey), /the signer's is N/],
  ])('an owner id by what of it does not fit: %s', async (part, owner, says) => {
    await expect(client.create(createRequest({ signer: carol, owner }))).rejects.toMatchObject({
      reason: 'OWNER_KEY_MISMATCH',
      message: expect.stringMatching(says),
      metadata: { part },
    })
  })

  it('a signature with a hint where the body was serialized once to sign and once more to send', async () => {
    const { body, outermost } = readCreateRequest(createRequest()).message
    // The owner has the first 36 bytes; here it comes last.
    const sent = Buffer.concat([body.subarray(36), body.subarray(0, 36)])
    await expect(
      client.create(message(sent, outermost.meta, outermost.verify)),
    ).rejects.toMatchObject({
      reason: 'BAD_SIGNATURE',
      message: expect.stringMatching(/not in ascending order \(owner_id\)/),
    })
  })

  it('what is too large for the transport', async () => {
    const request = Buffer.concat([createRequest(), len(99, randomBytes(128 * 1024))])
    await expect(client.create(request)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })

  it('and goes on serving', async () => {
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
  })
})

describe('with limits of its own, the server refuses', () => {
  it.each<[string, reason: string, () => Uint8Array]>([
    ['are malformed', 'MALFORMED', () => createRequest().subarray(0, -1)],
    ['are not signed', 'MISSING_FIELD', unsigned],
    [
      'are of another time',
      'EPOCH_DRIFT',
      () => createRequest({ meta: { epoch: epochNow() - 400n } }),
    ],
    [
      'have a wrong signature',
      'BAD_SIGNATURE',
      () => altered(createRequest({ signer: bob }), bob.publicKey),
    ],
  ])('a peer whose Creates %s unread in the end', async (_, reason, request) => {
    // What a peer may fail is given back as time passes.
    stopClock()
    const limited = await startTestNode(await temporaryDirectory(onTestFinished), {
      'peer-failures-per-second': '1',
    })
    const itsClient = createClient(limited.addresses.grpc)
    const reasons: string[] = []
    while (reasons.length < 200 && reasons.at(-1) !== 'RATE_LIMITED') {
      reasons.push(await itsClient.create(request()).catch((refused) => refused.reason))
    }
    expect([...new Set(reasons)]).toEqual([reason, 'RATE_LIMITED'])
    await expect(itsClient.create(createRequest())).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      metadata: { scope: 'failures', limit: '1' },
      retrySeconds: 1n,
    })
    itsClient.close()
    await limited.close()
  })

  it('a peer whose Creates have wrong signatures sooner, the more levels they have', async () => {
    stopClock()
    // Bursts of 5 seconds: 15 failures.
    const limited = await startTestNode(await temporaryDirectory(onTestFinished), {
      'peer-failures-per-second': '3',
    })
    const itsClient = createClient(limited.addresses.grpc)
    let forwarded = createRequest({ meta: { ttl: 16 }, owner: bob.publicKey })
    for (let levels = 1; levels < 16; levels++) {
      forwarded = wrapRequest(forwarded, newOwner())
    }
    await expect(itsClient.create(forwarded)).rejects.toMatchObject({
      reason: 'OWNER_KEY_MISMATCH',
    })
    await expect(itsClient.create(createRequest())).rejects.toMatchObject({
      reason: 'RATE_LIMITED',
    })
    itsClient.close()
    await limited.close()
  })

  it.each([
    ['max-sessions-per-owner', 'owner'],
    ['max-sessions', 'server'],
  ])('what is over --%s', async (option, scope) => {
    const limited = await startTestNode(await temporaryDirectory(onTestFinished), { [option]: '2' })
    const itsClient = createClient(limited.addresses.grpc)
    const signer = newOwner()
    const open = () => itsClient.create(createRequest({ signer }))
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, open))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    await expect(open()).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'QUOTA_EXCEEDED',
      metadata: { scope, limit: '2' },
    })
    itsClient.close()
    await limited.close()
  })
})
