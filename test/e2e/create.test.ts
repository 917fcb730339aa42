import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { privateKeyFromPem, publicKeyOf } from '../../src/client/index.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { n3Account } from '../../src/crypto/n3.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateRequest, readCreateResponse } from '../../src/envelope/create.js'
import { requestDigest } from '../../src/envelope/digest.js'
import { wrapRequest } from '../../src/envelope/wrap.js'
import type { Node } from '../../src/server/start.js'
import {
  type CreateClient,
  createClient,
  createRequest,
  epochNow,
  inFlight,
  newOwner,
} from '../support/create.js'
import { alice, carol, carolSha512, len, num, verifiers } from '../support/envelope.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'

const dataDir = await temporaryDirectory(afterAll)
let node: Node
let client: CreateClient
let identity: Uint8Array

beforeAll(async () => {
  node = await startTestNode(dataDir, { 'max-sessions-per-owner': '0' })
  client = createClient(node.addresses.grpc)
  const pem = await readFile(join(dataDir, 'identity.pem'), 'utf8')
  identity = publicKeyOf(privateKeyFromPem(pem, 'identity.pem'))
})
afterAll(async () => {
  client.close()
  await node.close()
})

describe('Create', () => {
  it('answers with a new UUIDv4 and a new key', async () => {
    const { id, publicKey } = await client.create(createRequest())
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(publicKey).toHaveLength(32)
  })

  it('never gives two sessions one id or one key', async () => {
    const ids = new Set<string>()
    const keys = new Set<string>()
    const owners = Array.from({ length: 64 }, newOwner)
    await inFlight(64, 2000, async (i) => {
      const signer = owners[i % owners.length] as Signer
      const xHeaders: Record<string, string> = i % 2 === 0 ? { 'idempotency-key': `${i}` } : {}
      const { id, publicKey } = await client.create(createRequest({ signer, xHeaders }))
      ids.add(id)
      keys.add(Buffer.from(publicKey).toString('hex'))
    })
    expect(ids.size).toBe(2000)
    expect(keys.size).toBe(2000)
  })

  it.each<[string, Signer, Uint8Array]>([
    ['an Ed25519 key', alice, alice.publicKey],
    ['an N3 account, P-256 with SHA-256', carol, n3Account(carol.publicKey)],
    ['an N3 account, P-256 with SHA-512', carolSha512, n3Account(carol.publicKey)],
  ])('opens a session for %s', async (_, signer, owner) => {
    await expect(client.create(createRequest({ signer, owner }))).resolves.toHaveProperty('id')
  })

  it.each([1, 2, 15])('takes a request that passed %i nodes', async (hops) => {
    let request = createRequest({ meta: { ttl: hops + 2 } })
    for (let i = 0; i < hops; i++) {
      request = wrapRequest(request, i % 2 === 0 ? newOwner() : carol, { epoch: epochNow() })
    }
    await expect(client.create(request)).resolves.toHaveProperty('id')
  })

  it('takes a request whose sender does not know the epoch, or leaves the version out', async () => {
    const request = createRequest({ meta: { epoch: 0n, version: undefined } })
    await expect(client.create(request)).resolves.toHaveProperty('id')
  })
})

describe('the response', () => {
  it("is signed with the server's identity, at one level", async () => {
    const { bytes } = await client.create(createRequest())
    const response = readCreateResponse(bytes)
    expect(Buffer.from(verifyChain(response.message, verifiers))).toEqual(Buffer.from(identity))
    expect(response.message.levels).toHaveLength(1)
    expect(Number(response.epoch - epochNow())).toBeCloseTo(0, -1)
  })

  it('names the request that it answers, if that has an idempotency key', async () => {
    const request = createRequest({ xHeaders: { 'idempotency-key': 'k' } })
    const { bytes } = await client.create(request)
    expect(readCreateResponse(bytes).answers).toBe(
      requestDigest(readCreateRequest(request).message),
    )
  })

  it('names it as the original sender signed it, however many nodes it passed', async () => {
    const request = createRequest({ xHeaders: { 'idempotency-key': 'k' } })
    const { bytes } = await client.create(wrapRequest(request, newOwner()))
    expect(readCreateResponse(bytes).answers).toBe(
      requestDigest(readCreateRequest(request).message),
    )
  })

  it('names none otherwise', async () => {
    const { bytes } = await client.create(createRequest({ xHeaders: { client: 'me' } }))
    expect(readCreateResponse(bytes).answers).toBeUndefined()
  })
})

describe('health', () => {
  it.each(['', 'session.Session'])('of "%s" is SERVING', async (service) => {
    const health = new Client(node.addresses.grpc, credentials.createInsecure())
    // HealthCheckRequest { string service = 1 } and HealthCheckResponse { SERVING = 1 status = 1 }.
    const answer = await new Promise((resolve, reject) =>
      health.makeUnaryRequest<Buffer, Buffer>(
        '/grpc.health.v1.Health/Check',
        (bytes) => bytes,
        (bytes) => bytes,
        len(1, Buffer.from(service)),
        (error, bytes) => (error === null ? resolve(bytes) : reject(error)),
      ),
    )
    health.close()
    expect(answer).toEqual(num(1, 1))
  })
})
