import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { privateKeyFromPem } from '../../src/client/index.js'
import type { Token } from '../../src/core/session.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { openSeal } from '../../src/crypto/seal.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateResponse } from '../../src/envelope/create.js'
import { sealingKeysFromJson } from '../../src/keys/sealing-keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { type CreateParts, createClient, createRequest, newOwner } from '../support/create.js'
import { verifiers } from '../support/envelope.js'
import { beginCreate } from '../support/half-sent.js'
import {
  type LoggingProcess,
  linesOf,
  type ServerProcess,
  sessiond,
  spawnServer,
  startServer,
  temporaryDirectory,
  untilReady,
} from '../support/process.js'

const UNIX_SECONDS = { genesisAtMs: 0, lengthMs: 1000 }

let directory: string
let dataDir: string
beforeEach(async () => {
  directory = await temporaryDirectory(onTestFinished)
  dataDir = join(directory, 'data')
})

function spawn(...args: string[]): LoggingProcess {
  const server = spawnServer({ dataDir, args })
  onTestFinished(async () => {
    await server.stop('SIGKILL')
  })
  return server
}

const start = (...args: string[]) => untilReady(spawn(...args))

/** Sends one request over a connection of its own. */
async function create({ ready }: ServerProcess, parts: CreateParts = {}) {
  const client = createClient(ready.grpc)
  try {
    return await client.create(createRequest(parts))
  } finally {
    client.close()
  }
}

const mode = async (...path: string[]) => ((await stat(join(...path))).mode & 0o777).toString(8)

describe('sessiond serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says where it listens, logs one JSON object a line, and ends cleanly on %s',
    async (signal) => {
      const server = await start()
      expect(server.ready).toMatchObject({ event: 'ready', data_dir: dataDir })
      expect(server.ready.grpc).toMatch(/^127\.0\.0\.1:[1-9]\d*$/)
      const client = createClient(server.ready.grpc)
      await expect(client.create(createRequest())).resolves.toHaveProperty('id')
      // The connection stays open: it must not hold up the end.
      const { stdout, ...end } = await server.stop(signal)
      client.close()
      expect(end).toEqual({ code: 0, signal: null, stderr: '' })
      expect(linesOf(stdout).map(({ event }) => event)).toEqual(['ready', 'stopping', 'stopped'])
    },
  )

  it('finishes the calls under way when told to stop, and takes no more', async () => {
    const server = await start()
    const call = await beginCreate(server.ready.grpc, createRequest())
    server.child.kill('SIGTERM')
    await server.event('stopping')
    // It says so before it stops listening.
    const refused = () =>
      create(server).then(
        () => 'answered',
        ({ code }) => code,
      )
    await expect.poll(refused).toBe('UNAVAILABLE')
    const { status, message } = await call.finish()
    expect(status).toBe('0')
    expect(readCreateResponse(message).id).toHaveLength(16)
    call.close()
    expect(await server.exited).toMatchObject({ code: 0, signal: null })
  })

  it('keeps keys and data from the eyes of others, whatever the umask', async () => {
    const wrapper = ['sh', '-c', 'umask 0 && exec "$@"', 'sh']
    const server = await startServer({ dataDir, wrapper })
    await create(server)
    await server.stop()
    expect(await mode(dataDir)).toBe('700')
    expect(await mode(dataDir, 'identity.pem')).toBe('600')
    expect(await mode(dataDir, 'sealing-keys.json')).toBe('600')
    expect(await mode(dataDir, 'store')).toBe('700')
  })

  it('keeps its identity', async () => {
    const keys: string[] = []
    for (let i = 0; i < 2; i++) {
      const server = await start()
      const { bytes } = await create(server)
      const signer = verifyChain(readCreateResponse(bytes).message, verifiers)
      keys.push(Buffer.from(signer).toString('hex'))
      await server.stop()
    }
    const { stdout } = await sessiond(['identity', '--data-dir', dataDir])
    expect(keys).toEqual([stdout.trim(), stdout.trim()])
  })

  it('takes its identity and sealing keys from elsewhere where told to', async () => {
    const [identity, sealing] = [join(directory, 'id.pem'), join(directory, 'seal.json')]
    const keys = ['--identity-key', identity, '--sealing-keys', sealing]
    await start(...keys).then((server) => server.stop())
    expect(await readdir(dataDir)).toEqual(['audit.jsonl', 'store', 'store.made'])
    const server = await start(...keys)
    await expect(create(server)).resolves.toHaveProperty('id')
  })
})

describe('an owners file', () => {
  const [alice, bob] = [newOwner(), newOwner()]
  const household = Buffer.from('household')
  const listing = (...keys: string[]) => JSON.stringify({ household: keys })
  const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')
  const refused = { code: 'PERMISSION_DENIED', metadata: { policy: 'owners file' } }

  it('is reread when it changes; a broken one leaves the earlier owners in force', async () => {
    const file = join(directory, 'owners.json')
    await writeFile(file, listing(hex(alice.publicKey)))
    const server = await start('--owners', file)
    const open = (signer: Signer) => create(server, { signer, owner: household })
    await expect(open(alice)).resolves.toHaveProperty('id')
    await expect(open(bob)).rejects.toMatchObject(refused)

    await writeFile(file, listing(hex(alice.publicKey), hex(bob.publicKey)))
    expect(await server.event('owners-read')).toMatchObject({ owners: 1 })
    await expect(open(bob)).resolves.toHaveProperty('id')

    await writeFile(file, '{ "household": ')
    const { reason } = await server.event('owners-not-read')
    expect(reason).toContain(file)
    await expect(open(alice)).resolves.toHaveProperty('id')
    await expect(open(bob)).resolves.toHaveProperty('id')

    // Replaced, as editors and configuration tools do it.
    await writeFile(`${file}.new`, listing(hex(bob.publicKey)))
    await rename(`${file}.new`, file)
    await server.event('owners-read')
    await expect(open(alice)).rejects.toMatchObject(refused)
    await expect(open(bob)).resolves.toHaveProperty('id')
  })

  it('is not needed where any signer may open for any owner, of which the log warns', async () => {
    const server = spawn('--owners', 'any-signer')
    expect(await server.event('any-signer')).toMatchObject({ level: 'warn' })
    const opened = create(await untilReady(server), { owner: household })
    await expect(opened).resolves.toHaveProperty('id')
  })
})

describe('the log', () => {
  it('holds no secret, also where it says most', async () => {
    const server = await start('--log-level', 'debug')
    const xHeaders = { 'idempotency-key': 'k' }
    const { id } = await create(server, { xHeaders })
    const refusals = [{ owner: Buffer.from('nobody') }, { meta: { ttl: 0 } }]
    for (const parts of refusals) {
      await expect(create(server, parts)).rejects.toHaveProperty('code')
    }
    const { stdout, stderr } = await server.stop()

    const pem = await readFile(join(dataDir, 'identity.pem'), 'utf8')
    const sealingJson = await readFile(join(dataDir, 'sealing-keys.json'), 'utf8')
    const sealingKeys = sealingKeysFromJson(sealingJson, 'sealing-keys.json')
    const store = await LevelStore.open(join(dataDir, 'store'), { epochs: UNIX_SECONDS })
    const token = (await store.get(id))?.token as Token
    const seed = openSeal(sealingKeys, (await store.seal(id)) as Uint8Array, id, token)
    await store.close()
    const identity = privateKeyFromPem(pem, 'identity.pem') as { seed: Uint8Array }

    const secrets = [seed, identity.seed, ...sealingKeys.keys.values()].flatMap((secret) =>
      (['hex', 'base64', 'base64url', 'latin1'] as const).map((encoding) =>
        Buffer.from(secret).toString(encoding).replace(/=+$/, ''),
      ),
    )
    const logged = stdout + stderr
    expect(logged).toContain('"event":"ready"')
    expect(secrets.filter((secret) => logged.includes(secret))).toEqual([])
    expect(logged).not.toContain('PRIVATE KEY')
  })
})
