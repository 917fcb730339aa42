import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  AdminClient,
  type Connection,
  type CreatedSession,
  connect,
  createSession,
  eraseUser,
  generateKey,
  ownerText,
  reseal,
  rotateSealingKey,
  SessionsClient,
  signerOf,
  TokensClient,
} from '../../src/client/index.js'
import { openSeal } from '../../src/crypto/seal.js'
import { sealingKeysFromJson } from '../../src/keys/sealing-keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { issueToken } from '../../src/tokens/index.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { canReadMemory, searchMemory } from '../support/process-memory.js'
import { base64Cores } from '../support/secrets.js'
import { EPOCHS } from '../support/store-sessions.js'

const OF_EACH = 3
const HOUR_MS = 3_600_000
const ENDINGS = ['revoked', 'closed', 'deleted', 'erased', 'expired'] as const
type Ending = (typeof ENDINGS)[number]

const preload = (name: string) =>
  `--import=${fileURLToPath(new URL(`../support/${name}`, import.meta.url))}`

/** A server whose clock is put forward. `unwiped`: memory of so many bytes is not wiped, and there is no thread but one. */
async function start(unwiped?: number) {
  const directory = await temporaryDirectory(onTestFinished)
  const dataDir = join(directory, 'data')
  const clock = join(directory, 'clock')
  const server = await startServer({
    dataDir,
    // So that it neither suspects that clock, nor refuses those who ask by another.
    args: ['--max-epoch-drift', '3h', ...(unwiped === undefined ? [] : ['--crypto-threads', '0'])],
    env: {
      NODE_OPTIONS: `${preload('set-clock.mjs')} ${preload('unwiped.mjs')}`,
      SET_CLOCK_FILE: clock,
      UNWIPED: `${unwiped}`,
    },
  })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  const skipTwoHours = async () => {
    await writeFile(clock, `${2 * HOUR_MS}`)
    server.child.kill('SIGUSR2')
  }
  return { dataDir, server, skipTwoHours }
}
type Started = Awaited<ReturnType<typeof start>>

/** Each part of a secret, and all of it as text, as one byte a character and as two. */
function formsOf(secret: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(secret)
  const texts = [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...base64Cores(bytes, 'base64'),
    ...base64Cores(bytes, 'base64url'),
  ]
  return [
    ...[0, 8, 16, 24].map((from) => bytes.subarray(from, from + 8)),
    ...texts.flatMap((text) => [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')]),
  ]
}

/** What the sealing keys of a data directory, and those that it sealed, are. */
async function secretsOf(dataDir: string, store: string, ids: ReadonlyMap<string, string>) {
  const file = join(dataDir, 'sealing-keys.json')
  const keys = sealingKeysFromJson(await readFile(file, 'utf8'), file)
  const level = await LevelStore.open(store, { epochs: EPOCHS })
  const seeds = new Map<string, Uint8Array>()
  for (const [name, id] of ids) {
    const [session, seal] = [await level.get(id), await level.seal(id)]
    if (session?.token && seal) {
      seeds.set(name, openSeal(keys, seal, id, session.token))
    }
  }
  await level.close()
  return { sealingKey: keys.keys.get(keys.current) as Uint8Array, seeds }
}

interface Opened {
  readonly session: CreatedSession
  readonly owner: TokensClient
  /** Has the key of the session sign. */
  sign(): Promise<void>
}

async function openSession(connection: Connection, lifetimeMs: number): Promise<Opened> {
  const ownerKey = generateKey('ed25519')
  const session = await createSession(connection, { ownerKey, lifetimeMs })
  const owner = new TokensClient(connection, signerOf(ownerKey))
  const token = await issueToken({ session, verb: 'OBJECT_PUT' }, signerOf(ownerKey))
  const data = [Buffer.from('one'), Buffer.from('another')]
  const sign = async () => {
    expect(await owner.sign({ token, verb: 'OBJECT_PUT', data })).toHaveLength(data.length)
  }
  await sign()
  return { session, owner, sign }
}

/** Opens sessions, uses and ends them. Returns what is still in the memory of the server. */
async function rememberedBy(
  { server, dataDir, skipTwoHours }: Started,
  endings: readonly Ending[] = ENDINGS,
) {
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  const [sessions, admin] = [new SessionsClient(connection), new AdminClient(connection)]
  // All at once, so that the worker thread does its share.
  const opened = await Promise.all(
    endings.flatMap((ending) =>
      Array.from({ length: OF_EACH }, async (_, i) => {
        const of = await openSession(connection, ending === 'expired' ? HOUR_MS : 24 * HOUR_MS)
        return { ...of, ending, name: `${ending} ${i}` }
      }),
    ),
  )
  await rotateSealingKey(admin)
  for await (const { failed } of reseal(admin)) {
    expect(failed).toBe(0)
  }
  // Everything that was acknowledged is in the files.
  const copy = join(dataDir, 'copy')
  await cp(join(dataDir, 'store'), copy, { recursive: true })
  const ids = new Map(opened.map(({ name, session }) => [name, session.id]))
  const { sealingKey, seeds } = await secretsOf(dataDir, copy, ids)
  expect([...seeds.keys()]).toEqual([...ids.keys()])

  const end: Record<Ending, (of: Opened) => Promise<unknown>> = {
    revoked: ({ owner, session }) => owner.revoke(session.id),
    closed: ({ session }) => sessions.close(session.id),
    deleted: ({ session }) => sessions.delete(session.id),
    erased: ({ session }) => eraseUser(admin, ownerText(session.owner)),
    async expired() {
      await skipTwoHours()
      await server.event('swept', { ended: OF_EACH })
    },
  }
  // Those that expire do so together.
  const [expiring] = opened.filter(({ ending }) => ending === 'expired')
  await (expiring && end.expired(expiring))
  for (const of of opened.filter(({ ending }) => ending !== 'expired')) {
    // Once more, so that the heap is looked at before it is collected.
    await of.sign()
    await end[of.ending](of)
  }
  connection.close()
  const needles = new Map([...seeds].map(([name, seed]) => [name, formsOf(seed)]))
  const { finds, bytes } = await searchMemory(
    server.child.pid as number,
    needles.set('the sealing key', formsOf(sealingKey)),
  )
  const seedsFound = finds.filter(({ name }) => ids.has(name))
  return { bytes, seedsFound, hasSealingKey: seedsFound.length < finds.length }
}

describe.skipIf(!canReadMemory)('the memory of a server', () => {
  it('has no seed of a session that has ended, however it ended', async () => {
    const { seedsFound, ...looked } = await rememberedBy(await start())
    expect(seedsFound).toEqual([])
    // All of it was looked at: what a server must remember is found.
    expect(looked.hasSealingKey).toBe(true)
    expect(looked.bytes).toBeGreaterThan(30_000_000)
  })

  it.each([
    ['a session key is made', 72],
    ['a session key has signed', 32],
  ])('has seeds where nothing is wiped after %s', async (_, length) => {
    const { seedsFound } = await rememberedBy(await start(length), ['revoked'])
    expect(seedsFound).not.toEqual([])
  })
})
