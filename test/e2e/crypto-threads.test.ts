import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateResponse } from '../../src/envelope/create.js'
import { createClient, createRequest, inFlight, newOwner } from '../support/create.js'
import { carol, verifiers } from '../support/envelope.js'
import { startServer, temporaryDirectory } from '../support/process.js'

const entry = fileURLToPath(new URL('../support/losing-threads-server.mjs', import.meta.url))
const CREATES = 1200
const IN_FLIGHT = 64

it('answers every Create as one thread would, also those of a worker thread that ends', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  const args = ['--max-sessions-per-owner', '0', '--owners', 'any-signer', '--crypto-threads', '1']
  const server = await startServer({ dataDir, entry, args })
  onTestFinished(async () => void (await server.stop()))
  const client = createClient(server.ready.grpc)
  onTestFinished(() => client.close())

  const signers = [newOwner(), newOwner(), carol]
  const keys = new Set<string>()
  const ids = new Set<string>()
  let identity: string | undefined
  await inFlight(IN_FLIGHT, CREATES, async (i) => {
    if (i === CREATES / 3 || i === (2 * CREATES) / 3) {
      server.child.kill('SIGUSR2')
    }
    const isDamaged = i % 50 === 7
    const request = createRequest({
      signer: signers[i % signers.length] as (typeof signers)[0],
      owner: randomBytes(32),
      ...(i % 2 === 0 && { xHeaders: { 'idempotency-key': `${i}` } }),
    })
    if (isDamaged) {
      request[request.length - 1] = (request[request.length - 1] as number) ^ 1
      await expect(client.create(request)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
      return
    }
    const { id, publicKey, bytes } = await client.create(request)
    const signer = Buffer.from(verifyChain(readCreateResponse(bytes).message, verifiers))
    identity ??= signer.toString('hex')
    expect(signer.toString('hex')).toBe(identity)
    keys.add(Buffer.from(publicKey).toString('hex'))
    ids.add(id)
  })
  const answered = CREATES - CREATES / 50
  expect([keys.size, ids.size]).toEqual([answered, answered])
  await server.event('crypto-thread-lost')
})
