import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import {
  type CreatedSession,
  connect,
  createSession,
  fetchServerKeys,
  generateKey,
  privateKeyToPem,
  publicKeyOf,
  signerOf,
  TokensClient,
} from '../../src/client/index.js'
import { Guard, readHttpProof, watchEndings } from '../../src/guard/index.js'
import { type EndedSession, issueToken, signHttpRequest } from '../../src/tokens/index.js'
import { arrived } from '../support/guard.js'
import { CLI, startServer, temporaryDirectory } from '../support/process.js'

const AUDIENCE = 'objects.example'
const use = { verb: 'OBJECT_GET' } as const
const service = generateKey('ed25519')
const ownerKey = generateKey('ed25519')
const owner = signerOf(ownerKey)
const sessionKey = signerOf(generateKey('p256'))

/** A server whose endings this service may watch, and a client that pins it. */
async function start() {
  const directory = await temporaryDirectory(onTestFinished)
  const signers = join(directory, 'signers.json')
  await writeFile(
    signers,
    JSON.stringify({ [Buffer.from(publicKeyOf(service)).toString('hex')]: [] }),
  )
  const server = await startServer({
    dataDir: join(directory, 'data'),
    args: ['--signers', signers, '--retention', '1h'],
  })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  const { grpc } = server.ready
  const stranger = connect(grpc, { serverKeys: 'any' })
  onTestFinished(() => stranger.close())
  const connection = connect(grpc, { serverKeys: await fetchServerKeys(stranger) })
  onTestFinished(() => connection.close())
  return { server, grpc, directory, connection, tokens: new TokensClient(connection, owner) }
}

/** The proof of a request under a new session token, by the session's key. */
async function proofOf(session: CreatedSession) {
  const token = await issueToken({ session, verb: 'OBJECT_GET' }, owner)
  const headers = await signHttpRequest({ url: `https://${AUDIENCE}/o` }, token, sessionKey)
  const request = { ...arrived({ ...headers }, { target: '/o' }), authority: AUDIENCE }
  return readHttpProof(request)
}

it('an ending reaches a guard that serves, and silence of the server stops it', async () => {
  const { server, connection, tokens } = await start()
  let late = 0
  const heard = new Map<string, (ending: EndedSession) => void>()
  const endings = watchEndings(connection, signerOf(service), {
    onEnded: (ending) => heard.get(ending.id)?.(ending),
  })
  onTestFinished(() => endings.close())
  await endings.ready
  const nowMs = () => Date.now() + late
  const guard = new Guard({ audience: AUDIENCE, endings, nowMs, maxDriftMs: 600_000 })
  const session = await tokens.bind({ sessionKey, lifetimeMs: 3_600_000 })
  const other = await tokens.bind({ sessionKey, lifetimeMs: 3_600_000 })
  expect(guard.check(await proofOf(session), use)).toMatchObject({ isGood: true })
  const reached = new Promise<EndedSession>((resolve) => heard.set(session.id, resolve))
  const { endTimeMs } = await tokens.revoke(session.id)
  expect(await reached).toMatchObject({ id: session.id, reason: 'revoked', endTimeMs })
  expect(guard.check(await proofOf(session), use)).toMatchObject({ reason: 'ENDED' })
  expect(guard.check(await proofOf(other), use)).toMatchObject({ isGood: true })
  await server.stop('SIGKILL')
  late = 60_000
  expect(guard.check(await proofOf(other), use)).toMatchObject({ reason: 'ENDINGS_STALE' })
})

it('sessiond token watch prints what has ended, and then each ending as it comes', async () => {
  const { grpc, directory, connection, tokens } = await start()
  const key = join(directory, 'service.key')
  await writeFile(key, privateKeyToPem(service), { mode: 0o600 })
  const open = () => createSession(connection, { ownerKey, lifetimeMs: 3_600_000 })
  const before = await open()
  await tokens.revoke(before.id)
  const args = ['token', 'watch', '--key', key, '--server', grpc, '--json']
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.on('close', resolve))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value as string)
  expect(await next()).toEqual({
    ...{ id: before.id, reason: 'revoked' },
    ...{ end_time: expect.stringMatching(/^2/), expires: expect.stringMatching(/^2/) },
  })
  const then = await open()
  await tokens.revoke(then.id)
  expect(await next()).toMatchObject({ id: then.id })
  child.kill('SIGTERM')
  await ended
})

it('sessiond token watch ends where the service may not watch', async () => {
  const { grpc, directory } = await start()
  const key = join(directory, 'stranger.key')
  await writeFile(key, privateKeyToPem(ownerKey), { mode: 0o600 })
  const child = spawn(process.execPath, [CLI, 'token', 'watch', '--key', key, '--server', grpc], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (text) => (stderr += text))
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(1)
  expect(stderr).toMatch(/--signers/)
})
