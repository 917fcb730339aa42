import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { expect, it, onTestFinished } from 'vitest'
import {
  type Connection,
  connect,
  createSession,
  fetchServerKeys,
  generateKey,
  signerOf,
  TokensClient,
} from '../../src/client/index.js'
import { issueToken, type Verb } from '../../src/tokens/index.js'
import { freeAddress } from '../support/free-port.mjs'
import { ENVIRONMENT, run, startServer, temporaryDirectory } from '../support/process.js'
import { otherAddresses, Terminal, transcriptsOf } from '../support/transcript.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/object-store')
const TSC = join(ROOT, 'node_modules/.bin/tsc')

it('whoever types what examples/object-store says sees what it shows', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  for (const name of ['dist', 'examples', 'generated', 'node_modules', 'package.json']) {
    await symlink(join(ROOT, name), join(directory, name))
  }
  const addresses = await otherAddresses({ grpc: '127.0.0.1:8090', objects: '127.0.0.1:9090' })
  const { grpc, objects } = addresses.others
  const env = {
    ...{
      SESSIOND_GRPC: grpc,
      SESSIOND_SERVER: grpc,
      OBJECTS: objects,
      SESSIOND_DATA_DIR: './data',
    },
    ...{ SESSIOND_HTTP: 'off', SESSIOND_SENECA: 'off', SESSIOND_LOG_FORMAT: 'text' },
  }
  const open = () => new Terminal(directory, env, addresses)
  const [serving = [], storing = [], ...rest] = await transcriptsOf(
    'examples/object-store/README.md',
  )
  for (const [steps, ready] of [
    [serving, /is ready[\s\S]*Control-C stops it/],
    [storing, /objects are on 127.0.0.1:9090\n/],
  ] as const) {
    const terminal = open()
    for (const step of steps.slice(0, -1)) {
      await terminal.run(step)
    }
    await terminal.start(steps.at(-1)?.command ?? '', ready)
  }
  const terminal = open()
  for (const step of rest.flat()) {
    await terminal.run(step)
  }
})

interface Permission {
  readonly token: Uint8Array
  readonly signature: Uint8Array
}

const { objects } = loadPackageDefinition(loadSync(join(EXAMPLE, 'objects.proto'))) as unknown as {
  readonly objects: { readonly Objects: ServiceClientConstructor }
}

/** The store of the example on a server, an owner with a session, and how both are asked. */
const itStored = it
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('directory', { scope: 'file' }, async ({}, { onCleanup }) =>
    temporaryDirectory(onCleanup),
  )
  .extend('connection', { scope: 'file' }, async ({ directory }, { onCleanup }) => {
    const server = await startServer({ dataDir: join(directory, 'data') })
    const connection = connect(server.ready.grpc, { serverKeys: 'any' })
    onCleanup(async () => {
      connection.close()
      await server.stop()
    })
    return connection
  })
  .extend('call', { scope: 'file' }, async ({ connection }, { onCleanup }) => {
    expect(await run(TSC, ['--project', EXAMPLE])).toMatchObject({ code: 0, stdout: '' })
    const [key] = await fetchServerKeys(connection)
    const address = await freeAddress()
    const env = {
      ...{ ...ENVIRONMENT, OBJECTS: address, SESSIOND_SERVER: connection.address },
      SESSIOND_SERVER_KEY: Buffer.from(key ?? []).toString('hex'),
    }
    const store = spawn(process.execPath, [join(EXAMPLE, 'dist/store.js')], { env })
    const closed = once(store, 'close')
    const client = new objects.Objects(address, credentials.createInsecure())
    onCleanup(async () => {
      client.close()
      store.kill()
      await closed
    })
    await once(createInterface(store.stdout), 'line')
    return (method: 'Put' | 'Get', request: object) =>
      new Promise<Record<string, Uint8Array>>((resolve, reject) =>
        client[method]?.(
          request,
          (error: ServiceError | null, answer: Record<string, Uint8Array>) =>
            error === null
              ? resolve(answer)
              : reject(new Error(`${status[error.code]}: ${error.details}`)),
        ),
      )
  })
  .extend('owner', async ({ connection }) => newOwner(connection))

async function newOwner(connection: Connection) {
  const ownerKey = generateKey('ed25519')
  const session = await createSession(connection, { ownerKey, lifetimeMs: 3_600_000 })
  const tokens = new TokensClient(connection, signerOf(ownerKey))
  return {
    container: session.owner,
    /** A permission for something of this container, signed by the session key. */
    permission: async (verb: Verb, containerId: Uint8Array, statement: Uint8Array) => {
      const object = { containerId }
      const token = await issueToken({ session, verb, object }, signerOf(ownerKey))
      const [signature] = await tokens.sign({ token, verb, object, data: [statement] })
      return { token: Buffer.from(token), signature: Buffer.from(signature ?? []) }
    },
    revoke: () => tokens.revoke(session.id),
  }
}

const content = Buffer.from('an object')
const id = createHash('sha256').update(content).digest()
/** What examples/object-store/statements.ts makes, written down once more. */
const statement = (what: 'put' | 'get', ...parts: Uint8Array[]) =>
  Buffer.concat([
    Buffer.from(`objects.${what}\0`),
    ...parts.flatMap((part) => [Buffer.from([part.length]), part]),
  ])

itStored(
  'the store keeps what an owner lets be put, and gives it with its permission',
  async ({ call, owner }) => {
    const { container } = owner
    const putUnder = await owner.permission(
      'OBJECT_PUT',
      container,
      statement('put', container, id),
    )
    expect(await call('Put', { container, content, permission: putUnder })).toEqual({ id })
    const timeMs = `${Date.now()}`
    const getStatement = statement('get', container, id, Buffer.from(timeMs))
    const permission = await owner.permission('OBJECT_GET', container, getStatement)
    expect(await call('Get', { container, id, timeMs, permission })).toMatchObject({
      content,
      putUnder,
    })
  },
)

itStored(
  'the store refuses what the owner of the container does not allow',
  async ({ call, owner, connection }) => {
    const stranger = await newOwner(connection)
    const { container } = owner
    const put = (permission: Permission | undefined) =>
      call('Put', { container, content, permission })
    const putStatement = statement('put', container, id)
    const good = await owner.permission('OBJECT_PUT', container, putStatement)

    await expect(put(undefined)).rejects.toThrow('UNAUTHENTICATED: there is no permission')
    await expect(put({ ...good, signature: Buffer.alloc(64) })).rejects.toThrow('BAD_PROOF')
    await expect(
      put(await owner.permission('OBJECT_GET', container, putStatement)),
    ).rejects.toThrow('VERB_NOT_ALLOWED')
    const elsewhere = await owner.permission('OBJECT_PUT', stranger.container, putStatement)
    await expect(put(elsewhere)).rejects.toThrow('OBJECT_NOT_ALLOWED')
    const others = await stranger.permission('OBJECT_PUT', container, putStatement)
    await expect(put(others)).rejects.toThrow('the container is of another owner')
    const ofOther = await owner.permission(
      'OBJECT_PUT',
      container,
      statement('put', container, container),
    )
    await expect(put(ofOther)).rejects.toThrow('BAD_PROOF')
  },
)

itStored('the store gives nothing to a request of long ago', async ({ call, owner }) => {
  const { container } = owner
  for (const timeMs of [`${Date.now() - 60_000}`, `${Date.now() + 60_000}`, 'now']) {
    const getStatement = statement('get', container, id, Buffer.from(timeMs))
    const permission = await owner.permission('OBJECT_GET', container, getStatement)
    await expect(call('Get', { container, id, timeMs, permission })).rejects.toThrow(
      'UNAUTHENTICATED',
    )
  }
})

itStored('the store refuses a session from its end on', async ({ call, owner }) => {
  const { container } = owner
  const putStatement = statement('put', container, id)
  const permission = await owner.permission('OBJECT_PUT', container, putStatement)
  expect(await call('Put', { container, content, permission })).toEqual({ id })
  await owner.revoke()
  await expect(call('Put', { container, content, permission })).rejects.toThrow(
    'PERMISSION_DENIED: ENDED',
  )
})
