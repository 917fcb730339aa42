/**
 * Writes the data directory of a release, for the releases after it to read: `test/samples/README.md`.
 * Its arguments are the root of that release, built, and the name of the sample.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const [release = '', name = ''] = process.argv.slice(2)
const load = (path) => import(resolve(release, 'dist', path))
const { connect, generateKey, prepareRequest, SessionsClient } = await load('client/index.js')
const { callUnary } = await load('client/connection/call.js')
const { JSON_TEXT } = await load('client/sessions/json-form.js')
const { readCreateResponse } = await load('envelope/create.js')
const { uuidText } = await load('core/uuid.js')

const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }
const FIFTY_YEARS_MS = 50 * 365 * 86_400_000
const directory = fileURLToPath(new URL(`${name}/`, import.meta.url))
const dataDir = join(directory, 'data')

/** Runs `use` with a server on the data directory, and stops it. */
async function withServer(use) {
  const args = ['--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--seneca', 'off', '--http', 'off']
  const program = [
    resolve(release, 'dist/cli/main.js'),
    'serve',
    ...args,
    '--max-lifetime',
    '36500d',
  ]
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  for await (const line of createInterface(child.stdout)) {
    const { event, grpc } = JSON.parse(line)
    if (event === 'ready') {
      const connection = connect(grpc, { serverKeys: 'any' })
      await use(connection)
      connection.close()
      child.kill()
    }
  }
  await closed
}

const created = []
const commands = {}

async function create({ client }, ownerKey) {
  const options = { ownerKey, lifetimeMs: FIFTY_YEARS_MS, idempotencyKey: randomUUID() }
  const { bytes } = prepareRequest({ ...options, clientName: 'sample' }, EPOCHS, Date.now())
  const answer = await callUnary(client, '/session.Session/Create', bytes, Date.now() + 5000)
  const { id, sessionKey } = readCreateResponse(answer)
  created.push({
    id: uuidText(id),
    publicKey: Buffer.from(sessionKey).toString('hex'),
    request: Buffer.from(bytes).toString('base64'),
  })
  return uuidText(id)
}

await rm(directory, { recursive: true, force: true })
await mkdir(directory, { recursive: true })
const owners = [generateKey('ed25519'), generateKey('p256')]
await withServer(async (connection) => {
  const sessions = new SessionsClient(connection, {}, JSON_TEXT)
  for (let i = 0; i < 6; i++) {
    await create(connection, owners[i % owners.length])
  }
  const place = { userId: 'zoë', address: '192.0.2.7' }
  const user = JSON.stringify({ name: 'Zoë', is_patron: true })
  commands.open = await sessions.open({ ...place, client: 'browser', userName: 'Zoë', user })
  commands.ended = await sessions.open({ ...place, client: 'phone', data: '{"cart":[1,2]}' })
  commands.bare = await sessions.open({ userId: 'bare', address: '', client: '' })
})
// What the first server wrote stands in a table file by now, what this one writes in the log.
await withServer(async (connection) => {
  const sessions = new SessionsClient(connection, {}, JSON_TEXT)
  await create(connection, owners[0])
  await sessions.close(created[1].id)
  await sessions.delete(created[2].id)
  await sessions.close(commands.ended.id)
  await sessions.storeData(commands.open.id, '{"page":"/é"}')
  const { sessions: all } = await sessions.list({})
  const facts = { ended: created[1].id, deleted: created[2].id, sessions: all, created }
  await writeFile(join(directory, 'facts.json'), `${JSON.stringify(facts, null, 2)}\n`)
})
// Not part of what a server needs; they would name this machine's threads.
for (const file of ['LOCK', 'LOG', 'LOG.old']) {
  await rm(join(dataDir, 'store', file), { force: true })
}
