import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readCreateResponse } from '../../src/envelope/create.js'
import type { Node } from '../../src/server/start.js'
import { LevelStore } from '../../src/stores/level/store.js'
import {
  type CreateClient,
  type Created,
  type CreateParts,
  createClient,
  createRequest,
  epochNow,
  newOwner,
} from '../support/create.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'

const owners = { alice: newOwner(), bob: newOwner() }
const ownerOfBoth = Buffer.from('household')

const dataDir = await temporaryDirectory(afterAll)
let node: Node
let client: CreateClient

beforeAll(async () => {
  const { alice, bob } = owners
  const file = join(dataDir, 'owners.json')
  const keys = [alice, bob].map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))
  const listed = { household: keys, [`hex:${keys[0]}`]: keys[0] }
  await writeFile(file, JSON.stringify(listed))
  node = await startTestNode(dataDir, { owners: file })
  client = createClient(node.addresses.grpc)
})
afterAll(async () => {
  client.close()
  await node.close()
})

const keyed = (key: string, parts: CreateParts = {}) =>
  createRequest({
    signer: owners.alice,
    owner: ownerOfBoth,
    ...parts,
    xHeaders: { 'idempotency-key': key },
  })

/** The body of the response as it stands on the wire. */
const bodyOf = ({ bytes }: Created) => Buffer.from(readCreateResponse(bytes).message.body)

describe('an idempotency key', () => {
  it('with the same body stands for the same session, and the same body of the answer', async () => {
    const request = keyed('same')
    const first = await client.create(request)
    const second = await client.create(request)
    expect(second.id).toBe(first.id)
    expect(bodyOf(second)).toEqual(bodyOf(first))
  })

  it('is the same in another case of its name', async () => {
    const now = epochNow()
    const open = (name: string) =>
      client.create(
        createRequest({
          signer: owners.alice,
          lifetime: { exp: now + 60n, nbf: now, iat: now },
          xHeaders: { [name]: 'cased' },
        }),
      )
    const { id } = await open('idempotency-key')
    await expect(open('Idempotency-Key')).resolves.toMatchObject({ id })
  })

  it('counts by body and key, not by what else stands in the meta header', async () => {
    const now = epochNow()
    const lifetime = { exp: now + 60n, nbf: now, iat: now }
    const first = await client.create(keyed('meta', { lifetime, meta: { ttl: 2 } }))
    const second = await client.create(keyed('meta', { lifetime, meta: { ttl: 9, epoch: 0n } }))
    expect(second.id).toBe(first.id)
  })

  it('used fifty times at once opens one session', async () => {
    const request = keyed('at once')
    const all = await Promise.all(Array.from({ length: 50 }, () => client.create(request)))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
    expect(new Set(all.map((created) => bodyOf(created).toString('hex'))).size).toBe(1)
  })

  it('with another body is refused, and goes on standing for the first', async () => {
    const request = keyed('reused')
    const { id } = await client.create(request)
    await expect(client.create(keyed('reused', { lifetime: { nbf: 0n } }))).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'IDEMPOTENCY_KEY_REUSED',
    })
    await expect(client.create(request)).resolves.toHaveProperty('id', id)
  })

  it("says nothing about another signer's or another owner's", async () => {
    const created = await Promise.all([
      client.create(keyed('mine')),
      client.create(keyed('mine', { signer: owners.bob })),
      client.create(keyed('mine', { owner: owners.alice.publicKey })),
    ])
    expect(new Set(created.map(({ id }) => id)).size).toBe(3)
  })

  it('is not needed to open two sessions with one body', async () => {
    const request = createRequest({ signer: owners.alice, owner: ownerOfBoth })
    const [first, second] = [await client.create(request), await client.create(request)]
    expect(second.id).not.toBe(first.id)
  })
})

describe('after a restart', () => {
  it('an idempotency key stands for the same session, until that has ended', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const request = createRequest({ xHeaders: { 'idempotency-key': 'k' } })
    const create = async () => {
      const restarted = await startTestNode(directory)
      const itsClient = createClient(restarted.addresses.grpc)
      try {
        return await itsClient.create(request)
      } finally {
        itsClient.close()
        await restarted.close()
      }
    }
    const first = await create()
    const second = await create()
    expect(second.id).toBe(first.id)
    expect(bodyOf(second)).toEqual(bodyOf(first))

    const epochs = { genesisAtMs: 0, lengthMs: 1000 }
    const store = await LevelStore.open(join(directory, 'store'), { epochs })
    await store.update(first.id, (session) => ({
      session: { ...session, active: false, closeTimeMs: session.openTimeMs },
    }))
    await store.close()
    await expect(create()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SESSION_ENDED',
      metadata: { session_id: first.id },
    })
  })
})
