import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Connection,
  connect,
  createSession,
  generateKey,
  ownerText,
  publicKeyOf,
  SessionsClient,
} from '../../src/client/index.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { readMetrics } from '../support/prometheus.js'
import { suiteEnd } from '../support/suite-end.js'

const ALICE = new TextEncoder().encode('alice')
const LIMIT = 3
const ownerKey = generateKey('ed25519')

let server: ServerProcess
let connection: Connection
let sessions: SessionsClient

const atEnd = suiteEnd()
beforeAll(async () => {
  const directory = await temporaryDirectory(atEnd)
  const owners = join(directory, 'owners.json')
  const key = `hex:${Buffer.from(publicKeyOf(ownerKey)).toString('hex')}`
  await writeFile(owners, JSON.stringify({ alice: key, 'hex:ff00': key }))
  const limit = ['--max-sessions-per-owner', `${LIMIT}`, '--at-limit', 'end-oldest']
  server = await startServer({
    dataDir: join(directory, 'data'),
    args: ['--owners', owners, ...limit],
  })
  connection = connect(server.ready.grpc, { serverKeys: 'any' })
  sessions = new SessionsClient(connection)
})
afterAll(async () => {
  connection.close()
  await server.stop()
})

const ask = (...args: string[]) => sessiond([...args, '--server', server.ready.grpc])
const create = (owner = ALICE) =>
  createSession(connection, { ownerKey, owner, lifetimeMs: 3_600_000 })
const open = (client: string) => sessions.open({ userId: 'alice', address: 'here', client })

describe('a name', () => {
  it.each(['alice', 'hex:616c696365', 'base58:BzWHaQU', 'BzWHaQU'])(
    'finds the sessions of the owner that an owners file lists as alice: %s',
    async (name) => {
      const { id } = await create()
      const listed = await ask('sessions', 'list', '--user', name, '--active')
      expect(listed).toMatchObject({ code: 0, stderr: '' })
      expect(listed.stdout).toMatch(new RegExp(`\n${id} +token +BzWHaQU \\(alice\\) +open `))
      const exported = await ask('export', '--user', name)
      expect(exported.stdout).toContain(`"id":"${id}"`)
    },
  )

  it('closes what both the user and the owner of that name have open, once asked or told', async () => {
    const { id: token } = await create()
    const { id: command } = await open('app')
    const listed = await ask('sessions', 'list', '--user', 'alice', '--limit', '2', '--json')
    const ids = JSON.parse(listed.stdout).data.map(({ id }: { id: string }) => id)
    expect(ids).toEqual([command, token])
    const dry = await ask('sessions', 'close', '--user', 'alice', '--dry-run', '--json')
    const { would_close: open2 } = JSON.parse(dry.stdout)
    const line = `closed ${open2} sessions of alice and BzWHaQU (owner alice)\n`
    expect(await ask('sessions', 'close', '--user', 'alice', '--yes')).toMatchObject({
      ...{ code: 0, stdout: line, stderr: '' },
    })
    const ended = { active: false, ending: { reason: 'closed', by: 'gRPC on loopback' } }
    expect(await sessions.get(token)).toMatchObject(ended)
    expect(await sessions.get(command)).toMatchObject(ended)
  })

  it('erases what both have, and nothing of anyone else', async () => {
    const other = await create(Uint8Array.of(0xff, 0))
    await create()
    await open('another app')
    const erased = await ask('erase', '--user', 'alice', '--yes')
    expect(erased.stdout).toMatch(
      /^erased \d+ sessions? and \d+ idempotency keys? of alice and BzWHaQU \(owner alice\)\n$/,
    )
    expect(await ask('sessions', 'list', '--user', 'alice')).toMatchObject({
      ...{ code: 7, stderr: 'sessiond: no session of alice matches\n' },
    })
    const shown = await ask('sessions', 'show', other.id)
    const user = ownerText(Uint8Array.of(0xff, 0))
    expect(shown.stdout).toMatch(new RegExp(`\nkind +token\nuser +${user}\nstate +open\n`))
  })
})

describe('an owner at the limit', () => {
  it('ends the oldest session by opening another, and the metrics count it', async () => {
    const owner = Uint8Array.of(0xff, 0)
    const [first] = [await create(owner), await create(owner), await create(owner)]
    const last = await create(owner)
    const shown = await ask('sessions', 'show', first.id, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ active: false, kind: 'token', expire_time: null },
      ending: { reason: 'superseded', by: expect.stringMatching(/^session /) },
    })
    expect(await sessions.get(last.id)).toMatchObject({ active: true, kind: 'token' })
    const page = await sessions.list({ userId: ownerText(owner), active: true })
    expect(page.sessions).toHaveLength(LIMIT)
    const metrics = readMetrics(await (await fetch(`${server.ready.http}/metrics`)).text())
    const ended = metrics.get('sessiond_sessions_ended_total')?.samples
    expect(ended?.get('sessiond_sessions_ended_total{reason="superseded"}')).toBeGreaterThan(0)
  })
})
