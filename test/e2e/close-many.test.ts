import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { CLI, ENVIRONMENT, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { haveTerminal, onTerminal } from '../support/terminal.js'

/** The command closes a hundred at a time: there is time to end it after the first. */
const SESSIONS = 1000
const AT_ONCE = 100
/** On a busy machine. */
const DEADLINE_MS = 60_000

async function serverWith(count: number) {
  const server = await startServer({ dataDir: await temporaryDirectory(onTestFinished) })
  onTestFinished(() => void server.child.kill('SIGKILL'))
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  onTestFinished(() => connection.close())
  const sessions = new SessionsClient(connection, { deadlineMs: DEADLINE_MS })
  const places = Array.from({ length: count }, (_, i) => `app ${i}`)
  for (let i = 0; i < count; i += AT_ONCE) {
    const opened = places.slice(i, i + AT_ONCE).map((client) => {
      const place = { userId: 'alice', address: '192.0.2.7', client }
      return sessions.open(place)
    })
    await Promise.all(opened)
  }
  const openNow = async () => (await sessions.list({ active: true, take: 0, total: true })).total
  return { server, openNow, to: ['--server', server.ready.grpc, '--user', 'alice', '--yes'] }
}

it('closing many shows how far it is, says after Control-C what it closed, and goes on when run again', async () => {
  const { openNow, to } = await serverWith(SESSIONS)
  const child = spawn(process.execPath, [CLI, 'sessions', 'close', ...to], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (stderr === '') {
      child.kill('SIGINT')
    }
    stderr += text
  })
  const [code] = await once(child, 'close')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  const [, closed = ''] =
    /^sessiond: 10 % of alice, 100 closed\n(?:.*\n)*sessiond: closed (\d+) of 1,000 sessions of alice\nsessiond: ended by SIGINT\n$/.exec(
      stderr,
    ) ?? []
  expect(Number(closed)).toBeGreaterThanOrEqual(100)
  expect(await openNow()).toBe(SESSIONS - Number(closed))
  const rest = await sessiond(['sessions', 'close', ...to])
  const left = SESSIONS - Number(closed)
  expect(rest).toMatchObject({ code: 0, stdout: `closed ${left} sessions of alice\n` })
  expect(await openNow()).toBe(0)
})

it.skipIf(!haveTerminal())(
  'an erasure shows that the server works, and after Control-C what becomes of it',
  async () => {
    const { server, to } = await serverWith(1)
    server.child.kill('SIGSTOP')
    const { code, shown } = await onTerminal(['erase', ...to], 'erasing alice', '\x03')
    server.child.kill('SIGCONT')
    expect(code).toBe(1)
    expect(shown).toContain(
      'sessiond: the server finishes what it has begun; run the command again',
    )
    expect(shown).toContain('sessiond: ended by SIGINT')
    const again = await sessiond(['erase', ...to])
    const isErased = again.stdout === 'erased 1 session and 0 idempotency keys of alice\n'
    expect(isErased || again.stderr === 'sessiond: nothing is kept about alice\n').toBe(true)
  },
)
