import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  AdminClient,
  connect,
  createSession,
  fetchServerKeys,
  generateKey,
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from '../../src/client/index.js'
import type { Token } from '../../src/core/session.js'
import { schemeVerifier } from '../../src/crypto/schemes.js'
import { openSeal } from '../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateResponse } from '../../src/envelope/create.js'
import { SealingKeyRing } from '../../src/keys/sealing-key-ring.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { type Created, createClient, createRequest } from '../support/create.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'
import { EPOCHS } from '../support/store-sessions.js'

const LIFETIME_MS = 3_600_000
const verify = schemeVerifier(sodiumEd25519)

async function start(dataDir: string, serverKeys: readonly Uint8Array[] | 'any' = 'any') {
  const node = await startTestNode(dataDir)
  const connection = connect(node.addresses.grpc, { serverKeys })
  onTestFinished(async () => {
    connection.close()
    await node.close()
  })
  const { create, close } = createClient(node.addresses.grpc)
  onTestFinished(close)
  return { node, connection, create, admin: new AdminClient(connection) }
}

/** The key that signed an answer. */
const signerOf = ({ bytes }: Created) =>
  Uint8Array.from(verifyChain(readCreateResponse(bytes).message, { body: verify, header: verify }))

describe('a client that pinned both keys of a server', () => {
  it('sees no error while the server goes from one to the other, or restarts', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const first = await start(dataDir)
    const [identity] = await fetchServerKeys(first.connection)
    await rotateIdentity(first.admin, 'announce')

    const pinned = connect(first.node.addresses.grpc, { serverKeys: [identity as Uint8Array] })
    onTestFinished(() => pinned.close())
    const serverKeys = await fetchServerKeys(pinned)
    expect(serverKeys).toHaveLength(2)
    const both = connect(first.node.addresses.grpc, { serverKeys })
    onTestFinished(() => both.close())

    const ownerKey = generateKey('ed25519')
    const request = { ownerKey, lifetimeMs: LIFETIME_MS }
    const before = await createSession(both, request)
    const signers = new Set<string>()
    let isActive = false
    const calls = Array.from({ length: 4 }, async () => {
      // Until one is answered with the new key.
      for (let after = 0; after < 2; after += isActive ? 1 : 0) {
        const { serverKey } = await createSession(both, request)
        signers.add(Buffer.from(serverKey).toString('hex'))
      }
    })
    const change = await rotateIdentity(first.admin, 'activate')
    isActive = true
    await Promise.all(calls)
    expect(change).toEqual({ identity: serverKeys[1], nextIdentity: null })
    expect(before.serverKey).toEqual(serverKeys[0])
    expect(signers).toContain(Buffer.from(change.identity).toString('hex'))
    // Whoever pinned the old one alone is told no.
    await expect(createSession(pinned, request)).rejects.toMatchObject({
      code: 'UNTRUSTED_RESPONSE',
    })
    await expect(fetchServerKeys(pinned)).rejects.toMatchObject({ code: 'UNTRUSTED_RESPONSE' })

    await first.node.close()
    const second = await start(dataDir, serverKeys)
    const { serverKey } = await createSession(second.connection, request)
    expect(serverKey).toEqual(serverKeys[1])
    expect(await second.admin.status()).toMatchObject({
      identity: serverKeys[1],
      nextIdentity: null,
    })
  })

  it('gets the same session for its idempotency key from either', async () => {
    const { create, admin } = await start(await temporaryDirectory(onTestFinished))
    const request = createRequest({ xHeaders: { 'idempotency-key': 'again' } })
    const before = await create(request)
    await rotateIdentity(admin, 'announce')
    const { identity } = await rotateIdentity(admin, 'activate')
    const after = await create(request)
    expect(after.id).toBe(before.id)
    expect(signerOf(after)).toEqual(identity)
    expect(signerOf(before)).not.toEqual(identity)
  })
})

describe('a new sealing key', () => {
  it('is used at once; sealed again, every session needs it alone, and signs as it did', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const { node, create, admin } = await start(dataDir)
    const before = await Promise.all(Array.from({ length: 150 }, () => create(createRequest())))
    const key = await rotateSealingKey(admin)
    expect(await admin.status()).toMatchObject({ sealingKey: key })
    const after = await create(createRequest())
    const steps = []
    for await (const step of reseal(admin)) {
      steps.push(step)
    }
    const counts = { checked: 151, resealed: 150, failed: 0, total: 151 }
    expect(steps.length).toBeGreaterThan(1)
    expect(steps.at(-1)).toEqual({ ...counts, newlyFailedIds: [] })
    await node.close()

    const ring = await SealingKeyRing.open(join(dataDir, 'sealing-keys.json'), false)
    expect(ring.keys.current).toBe(key)
    const alone = {
      current: key,
      keys: new Map([[key, ring.keys.keys.get(key) as Uint8Array]]),
    }
    const store = await LevelStore.open(join(dataDir, 'store'), { epochs: EPOCHS })
    onTestFinished(() => store.close())
    for (const { id, publicKey } of [...before, after]) {
      const { token } = (await store.get(id)) as { token: Token }
      const seed = openSeal(alone, (await store.seal(id)) as Uint8Array, id, token)
      expect(sodiumEd25519.publicKey(seed)).toEqual(Buffer.from(publicKey))
    }
  })
})
