import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AdminClient, connect, type SessionInfo, SessionsClient } from '../../src/client/index.js'
import { JSON_TEXT } from '../../src/client/sessions/json-form.js'
import { openSeal } from '../../src/crypto/seal.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sealingKeysFromJson } from '../../src/keys/sealing-keys.js'
import type { Node } from '../../src/server/start.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { createClient } from '../support/create.js'
import { auditLevel } from '../support/level-audit.js'
import { startTestNode } from '../support/node.js'
import { sessiond, temporaryDirectory } from '../support/process.js'
import { HOUR_MS, sessionsAt } from '../support/sessions.js'
import { EPOCHS } from '../support/store-sessions.js'

const SAMPLES = fileURLToPath(new URL('../samples/', import.meta.url))

/** What `test/samples/generate.mjs` wrote down. */
interface Facts {
  readonly ended: string
  readonly deleted: string
  readonly sessions: readonly SessionInfo[]
  readonly created: readonly {
    readonly id: string
    /** Hex. */
    readonly publicKey: string
    /** Base64: the signed request that was answered. */
    readonly request: string
  }[]
}

/** However old the sample is by now. */
const AGELESS = {
  'idle-timeout': 'none',
  retention: '36500d',
  'max-lifetime': '36500d',
  'max-epoch-drift': '36500d',
}

const SOURCES: readonly [string, string, (dataDir: string) => Promise<void>][] = [
  ['the data directory of layout 1', 'store-layout-1', async () => {}],
  ['the data directory of layout 2', 'store-layout-2', async () => {}],
  [
    'a backup of format 1',
    'store-layout-1',
    async (dataDir) => {
      await rm(join(dataDir, 'store'), { recursive: true })
      const { code } = await sessiond([
        'restore',
        join(SAMPLES, 'backup-1.backup'),
        '--data-dir',
        dataDir,
      ])
      expect(code).toBe(0)
    },
  ],
]

async function sample(
  name: string,
  prepare: (dataDir: string) => Promise<void> = async () => {},
): Promise<string> {
  const dataDir = await temporaryDirectory(onTestFinished)
  await cp(join(SAMPLES, name, 'data'), dataDir, { recursive: true })
  await prepare(dataDir)
  return dataDir
}

async function factsOf(name: string): Promise<Facts> {
  return JSON.parse(await readFile(join(SAMPLES, name, 'facts.json'), 'utf8'))
}

async function served(dataDir: string): Promise<Node> {
  const node = await startTestNode(dataDir, AGELESS)
  onTestFinished(async () => void (await node.close()))
  return node
}

/** How many rows hold this text. */
async function rowsWith(location: string, text: string): Promise<number> {
  const level = new Level<Buffer, Buffer>(location, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  await level.open()
  const rows = await level.values().all()
  await level.close()
  return rows.filter((row) => row.includes(text)).length
}

it('a store of a version that kept it shows nothing that callers kept in a session that has ended, and is rid of it in a day', async () => {
  const location = join(await sample('store-layout-1'), 'store')
  const facts = await factsOf('store-layout-1')
  expect(await rowsWith(location, '{"cart":[1,2]}')).toBe(1)
  const store = await LevelStore.open(location, { epochs: EPOCHS })
  const bare = { active: false, user: null, data: null }
  for (const { id } of facts.sessions.filter(({ active }) => !active)) {
    expect(await store.get(id)).toMatchObject(bare)
  }
  const never = { idleTimeoutMs: 0, retentionMs: 36_500 * 24 * HOUR_MS }
  const { sessions, time } = sessionsAt(never, store)
  time.nowMs = Math.max(...facts.sessions.map(({ openTimeMs }) => openTimeMs)) + 24 * HOUR_MS
  await sessions.closeExpired()
  await store.close()
  expect(await rowsWith(location, '{"cart":[1,2]}')).toBe(0)
  expect(await auditLevel(location)).toEqual([])
})

it('the store of an earlier release is migrated, told to have a new layout, and holds the same after that', async () => {
  const dataDir = await sample('store-layout-1')
  const { sessions } = await factsOf('store-layout-1')
  const source = join(dataDir, 'store')
  const args = ['migrate', '--from', `level:${source}`, '--data-dir', dataDir, '--json', '--to']
  const targets = ['one', 'two'].map((name) => join(dataDir, name))
  for (const [i, target] of targets.entries()) {
    const { code, stdout, stderr } = await sessiond([...args, `level:${target}`])
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, sessions: sessions.length })
    const isTold = stderr.includes(`sessiond: level:${source} now has the layout of this release\n`)
    expect(isTold).toBe(i === 0)
  }
  for (const location of [source, ...targets]) {
    expect(await auditLevel(location)).toEqual([])
  }
})

describe.each(SOURCES)('%s', (_, name, prepare) => {
  it('has every seal, and each opens to the key that was answered', async () => {
    const dataDir = await sample(name, prepare)
    const facts = await factsOf(name)
    const json = await readFile(join(dataDir, 'sealing-keys.json'), 'utf8')
    const keys = sealingKeysFromJson(json, 'sealing-keys.json')
    const store = await LevelStore.open(join(dataDir, 'store'), { epochs: EPOCHS })
    let opened = 0
    for (const { id, publicKey } of facts.created) {
      const session = await store.get(id)
      const sealed = await store.seal(id)
      expect(sealed !== undefined).toBe(session?.active ?? false)
      if (session?.token && sealed) {
        const seed = openSeal(keys, sealed, id, session.token)
        expect(Buffer.from(sodiumEd25519.publicKey(seed)).toString('hex')).toBe(publicKey)
        opened++
      }
    }
    expect(opened).toBe(facts.created.length - 2)
    await store.close()
    expect(await auditLevel(join(dataDir, 'store'))).toEqual([])
  })

  it('is served: every session, the answers to idempotency keys, and a clean check', async () => {
    const { addresses } = await served(await sample(name, prepare))
    const facts = await factsOf(name)
    const connection = connect(addresses.grpc, { serverKeys: 'any' })
    const client = createClient(addresses.grpc)
    onTestFinished(() => {
      connection.close()
      client.close()
    })
    const { sessions } = await new SessionsClient(connection, {}, JSON_TEXT).list({})
    // Later releases tell more of each.
    expect(sessions).toMatchObject(facts.sessions)
    for (const { id, publicKey, request } of facts.created) {
      const answer = client.create(Buffer.from(request, 'base64'))
      if (id === facts.ended || id === facts.deleted) {
        await expect(answer).rejects.toMatchObject({ reason: 'SESSION_ENDED' })
      } else {
        const { id: again, publicKey: key } = await answer
        expect([again, Buffer.from(key).toString('hex')]).toEqual([id, publicKey])
      }
    }
    const problems: unknown[] = []
    for await (const finding of new AdminClient(connection).check()) {
      if ('problem' in finding) {
        problems.push(finding)
      }
    }
    expect(problems).toEqual([])
  })
})
