import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Signer } from '../../src/crypto/ed25519.js'
import { openSeal } from '../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sealingKeysFromJson } from '../../src/keys/sealing-keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { type Created, createClient, createRequest, inFlight, newOwner } from '../support/create.js'
import { auditLevel } from '../support/level-audit.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'

const ROUNDS = process.env.SESSIOND_TEST_LONG ? 100 : 3
const IN_FLIGHT = 64

/** A request, and what came back of it: undefined where the server was killed first. */
interface Sent {
  readonly request: Buffer
  readonly isKeyed: boolean
  answer?: Created
}

/** Sends new requests, every other one with an idempotency key, and kills the server meanwhile. */
async function killUnderLoad(server: ServerProcess, afterAnswers: number): Promise<Sent[]> {
  const client = createClient(server.ready.grpc)
  const owners = Array.from({ length: 8 }, newOwner)
  const all: Sent[] = []
  let answers = 0
  await inFlight(IN_FLIGHT, Number.POSITIVE_INFINITY, async (i) => {
    const isKeyed = i % 2 === 0
    const xHeaders: Record<string, string> = isKeyed ? { 'idempotency-key': randomUUID() } : {}
    const signer = owners[i % owners.length] as Signer
    const sent: Sent = { request: createRequest({ signer, xHeaders }), isKeyed }
    all.push(sent)
    sent.answer = await client.create(sent.request)
    answers++
    if (answers === afterAnswers) {
      server.child.kill('SIGKILL')
    }
  }).catch((error) => {
    if (!server.child.killed) {
      throw error
    }
  })
  client.close()
  expect(await server.exited).toMatchObject({ code: null, signal: 'SIGKILL' })
  return all
}

/** Holds what a killed server left to what it had answered. */
async function expectAllThere(dataDir: string, sent: readonly Sent[]): Promise<void> {
  const location = join(dataDir, 'store')
  expect(await auditLevel(location)).toEqual([])
  const json = await readFile(join(dataDir, 'sealing-keys.json'), 'utf8')
  const sealingKeys = sealingKeysFromJson(json, 'sealing-keys.json')
  const store = await LevelStore.open(location, { epochs: { genesisAtMs: 0, lengthMs: 1000 } })
  try {
    const due = await store.due(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    const dueIds = new Set(due.map((deadline) => deadline.kind === 'session' && deadline.id))
    for (const { answer } of sent) {
      if (answer === undefined) {
        continue
      }
      const { id, publicKey } = answer
      const session = await store.get(id)
      const seal = await store.seal(id)
      if (!session?.active || session.token === null || seal === undefined) {
        throw new Error(`session ${id} was answered, and is lost`)
      }
      const seed = openSeal(sealingKeys, seal, id, session.token)
      expect(Uint8Array.from(sodiumEd25519.publicKey(seed))).toEqual(publicKey)
      expect(session.token.publicKey).toEqual(publicKey)
      expect(dueIds.has(id)).toBe(true)
    }
  } finally {
    await store.close()
  }
}

/** Every idempotency key stands for the session that was answered, or for one and the same from now on. */
async function expectSameAnswers(server: ServerProcess, sent: readonly Sent[]): Promise<void> {
  const client = createClient(server.ready.grpc)
  const keyed = sent.filter(({ isKeyed }) => isKeyed)
  await inFlight(IN_FLIGHT, keyed.length, async (i) => {
    const { request, answer } = keyed[i] as Sent
    const again = await client.create(request)
    const { id, publicKey } = answer ?? (await client.create(request))
    expect({ id: again.id, publicKey: again.publicKey }).toEqual({ id, publicKey })
  })
  client.close()
}

describe('a server killed under load', () => {
  it(
    'has lost nothing that it answered',
    async () => {
      const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
      let server = await startServer({ dataDir })
      onTestFinished(async () => {
        await server.stop('SIGKILL')
      })
      for (let round = 1; round <= ROUNDS; round++) {
        // Another moment each time, and more than the pipeline holds.
        const sent = await killUnderLoad(server, 100 + ((round * 97) % 300))
        expect(sent.filter(({ answer }) => answer === undefined)).not.toEqual([])
        await expectAllThere(dataDir, sent)
        server = await startServer({ dataDir })
        await expectSameAnswers(server, sent)
      }
    },
    ROUNDS * 120_000,
  )
})
