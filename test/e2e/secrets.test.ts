import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base58 } from '@scure/base'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import {
  AdminClient,
  connect,
  eraseUser,
  exportUser,
  rotateIdentity,
  rotateSealingKey,
} from '../../src/client/index.js'
import { privateKeyFromPem } from '../../src/crypto/keys.js'
import { openSeal } from '../../src/crypto/seal.js'
import { sealingKeysFromJson } from '../../src/keys/sealing-keys.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { createClient, createRequest, newOwner } from '../support/create.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { leaked } from '../support/secrets.js'
import { suiteEnd } from '../support/suite-end.js'

const FEED_TOKEN = `feed-${randomBytes(16).toString('hex')}`
const ADMIN_TOKEN = `admin-${randomBytes(16).toString('hex')}`
const IDEMPOTENCY_KEY = `key-${randomUUID()}`
const SESSION_DATA = `data-${randomUUID()}`

/** Everything that the server told anyone, by where. */
const told: Record<string, string> = {}
/** Everything that it must not tell. */
const secrets: Record<string, Uint8Array> = {
  'the feed token': Buffer.from(FEED_TOKEN),
  'the admin token': Buffer.from(ADMIN_TOKEN),
  'an idempotency key': Buffer.from(IDEMPOTENCY_KEY),
  "a session's data": Buffer.from(SESSION_DATA),
}

/** Makes sessions and failures of every kind. Returns what clients were told, and the ids. */
async function use(server: ServerProcess) {
  const answers: unknown[] = []
  const ids: string[] = []
  const client = createClient(server.ready.grpc)
  const signer = newOwner()
  const xHeaders = { 'idempotency-key': IDEMPOTENCY_KEY }
  for (let i = 0; i < 5; i++) {
    ids.push((await client.create(createRequest())).id)
  }
  ids.push((await client.create(createRequest({ signer, xHeaders }))).id)
  const forged = createRequest({ xHeaders })
  forged[forged.indexOf(IDEMPOTENCY_KEY)] = 0x21
  for (const request of [
    forged,
    createRequest({ signer, xHeaders, lifetime: { iat: 1n } }),
    createRequest({ signer, xHeaders, lifetime: { exp: 2n ** 60n } }),
    createRequest({ signer, xHeaders, lifetime: { nbf: 0n } }),
    createRequest({ owner: newOwner().publicKey, xHeaders }),
    createRequest({ xHeaders: { ...xHeaders, '': IDEMPOTENCY_KEY } }),
    Buffer.from(IDEMPOTENCY_KEY),
    Buffer.alloc(200_000, IDEMPOTENCY_KEY),
  ]) {
    const error = await client.create(request).then(
      () => expect.fail('it should have been refused'),
      (error) => error,
    )
    answers.push(error.message, error.metadata)
  }
  client.close()

  const [url = ''] = server.ready.seneca
  const send = async (body: string) => {
    const headers = { 'Content-Type': 'application/json' }
    const response = await fetch(`${url}/act`, { method: 'POST', headers, body })
    const answer = (await response.json()) as { id: string }
    if (response.status !== 200) {
      answers.push(answer)
    }
    return answer
  }
  const act = (message: object) => send(JSON.stringify({ role: 'sessions', ...message }))
  const data = { secret: SESSION_DATA }
  const { id } = await act({ cmd: 'open_session', user_id: 'u', address: 'a', client: 'c', data })
  await act({ cmd: 'open_session', user_id: 'u', address: 'a', client: 'open', data })
  await act({ cmd: 'close_session', session_id: id })
  await act({ cmd: 'store_session_data', session_id: id, data })
  await act({ cmd: 'store_session_data', session_id: 'none', data })
  await act({ cmd: 'open_session', user_id: data, data })
  await act({ cmd: SESSION_DATA, data })
  await act({ role: SESSION_DATA })
  await act({ cmd: 'delete_session_by_id', session_id: ids[0] })
  await send(`{ "data": "${SESSION_DATA}`)

  const { http } = server.ready
  const connection = connect(server.ready.grpc, { serverKeys: 'any', adminToken: ADMIN_TOKEN })
  const admin = new AdminClient(connection)
  answers.push(`${JSON.stringify(await admin.status(), (_, value) => `${value}`)}`)
  await rotateSealingKey(admin)
  await rotateIdentity(admin, 'announce')
  for await (const line of exportUser(admin, 'u')) {
    // What it is for, of a session that is open.
    expect(line.includes(SESSION_DATA)).toBe(line.includes('"active":true'))
  }
  await eraseUser(admin, 'nobody')
  connection.close()
  const operate = async (action: string, token: string, body: object) => {
    const response = await fetch(`${http}/operator/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    answers.push(await response.text())
  }
  await operate('check', `${ADMIN_TOKEN}x`, {})
  await operate('search', ADMIN_TOKEN, {})
  await operate('search', ADMIN_TOKEN, { text: ADMIN_TOKEN, cursor: ADMIN_TOKEN })
  await operate('show', ADMIN_TOKEN, { session_id: 'none' })
  await operate('close', ADMIN_TOKEN, { session_ids: [ids[1]] })
  for (const query of ['', '?token=wrong', `?token=${FEED_TOKEN}`]) {
    const viewer = new WebSocket(`${http.replace('http', 'ws')}/session-list${query}`)
    answers.push(await once(viewer, 'message').then(String, String))
    viewer.terminate()
  }
  return { answers, ids }
}

/** The keys of the server, and of the sessions that it opened. */
async function readSecrets(dataDir: string, ids: readonly string[]): Promise<void> {
  const pem = await readFile(join(dataDir, 'identity.pem'), 'utf8')
  const identity = privateKeyFromPem(pem, 'identity.pem')
  secrets['the identity'] = 'seed' in identity ? identity.seed : identity.secret
  const nextPem = await readFile(join(dataDir, 'identity-next.pem'), 'utf8')
  const next = privateKeyFromPem(nextPem, 'identity-next.pem')
  secrets['the next identity'] = 'seed' in next ? next.seed : next.secret
  const keys = sealingKeysFromJson(
    await readFile(join(dataDir, 'sealing-keys.json'), 'utf8'),
    'sealing-keys.json',
  )
  for (const [id, key] of keys.keys) {
    secrets[`sealing key ${id}`] = key
  }
  const epochs = { genesisAtMs: 0, lengthMs: 1000 }
  const store = await LevelStore.open(join(dataDir, 'store'), { epochs })
  for (const id of ids) {
    const session = await store.get(id)
    const seal = await store.seal(id)
    if (session?.token && seal) {
      secrets[`the key of session ${id}`] = openSeal(keys, seal, id, session.token)
    }
  }
  await store.close()
}

let server: ServerProcess
// Also where a step before its end fails.
afterAll(() => server?.child.kill('SIGKILL'))

const atEnd = suiteEnd()
beforeAll(async () => {
  const dataDir = await temporaryDirectory(atEnd)
  const tokenFile = join(await temporaryDirectory(atEnd), 'token')
  await writeFile(tokenFile, `${FEED_TOKEN}\n`)
  const adminFile = join(await temporaryDirectory(atEnd), 'admin-token')
  await writeFile(adminFile, `${ADMIN_TOKEN}\n`)
  server = await startServer({
    dataDir,
    args: [
      ...['--log-level', 'debug', '--feed-token', tokenFile, '--admin-token-file', adminFile],
      ...['--seneca', 'http://127.0.0.1:0', '--http', '127.0.0.1:0'],
    ],
  })
  const { answers, ids } = await use(server)
  told.metrics = await fetch(`${server.ready.http}/metrics`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  }).then((response) => response.text())
  const { code, signal, stdout, stderr } = await server.stop()
  expect({ code, signal }).toEqual({ code: 0, signal: null })
  told.log = stdout
  told.stderr = stderr
  told.answers = answers.map((answer) => JSON.stringify(answer)).join('\n')
  told.audit = await readFile(join(dataDir, 'audit.jsonl'), 'utf8')
  await readSecrets(dataDir, ids)
})

describe('no secret', () => {
  it('was missed by this test: there are some of every kind, and much was told', () => {
    expect(Object.keys(secrets)).toHaveLength(4 + 2 + 2 + 4)
    expect(told.log).toContain('"event":"call","transport":"grpc"')
    for (const reason of ['BAD_SIGNATURE', 'MALFORMED', 'OWNER_KEY_MISMATCH', 'CONFLICT']) {
      expect(told.log).toContain(`"reason":"${reason}"`)
    }
    expect(told.answers).toContain('401')
    expect(told.audit?.trimEnd().split('\n')).toHaveLength(7)
    expect(told.metrics).toContain('sessiond_grpc_calls_total{')
  })

  it.each(['log', 'stderr', 'metrics', 'audit', 'answers'])('is in: %s', (where) => {
    expect(leaked(told[where] ?? '', secrets)).toEqual([])
  })

  it('stays unseen that is planted, in whatever form', () => {
    for (const [name, bytes] of Object.entries(secrets)) {
      const secret = Buffer.from(bytes)
      for (const form of [
        secret.toString('latin1'),
        secret.toString('hex'),
        Buffer.concat([Buffer.from('x'), secret, Buffer.from('yz')]).toString('base64'),
        Buffer.concat([Buffer.from('xy'), secret, Buffer.from('z')]).toString('base64url'),
        base58.encode(bytes),
        JSON.stringify(secret),
      ]) {
        expect(leaked(`${told.log}${form}"}`, secrets), `${name} as ${form}`).toContain(name)
      }
    }
  })

  it('is told where a key file is damaged', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    await (await startServer({ dataDir })).stop()
    const key = randomBytes(32)
    for (const text of [
      `{ "current": "a", "keys": { "a": "${key.toString('base64')}" `,
      key.toString('base64'),
      JSON.stringify({ current: key.toString('base64'), keys: {} }),
    ]) {
      await writeFile(join(dataDir, 'sealing-keys.json'), text)
      const args = ['--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--seneca', 'off']
      const { code, stdout, stderr } = await sessiond(['serve', ...args, '--http', 'off'])
      expect(code).toBe(4)
      expect(leaked(stdout + stderr, { key })).toEqual([])
    }
  })
})
