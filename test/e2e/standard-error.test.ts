import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import {
  callHeaders,
  emptyCall,
  HELLO,
  LAST_INDEXED,
  literalHeader,
} from '../support/http2-frames.mjs'
import { linesOf, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { rawConnection, streamsEnded } from '../support/raw-connection.js'
import { leaked } from '../support/secrets.js'

const CALLS = 200
const CHECK = '/grpc.health.v1.Health/Check'
const TOKEN = `admin-${randomBytes(16).toString('hex')}`
const SECRETS = { 'the admin token': Buffer.from(TOKEN) }
/** What no header may hold, and so grpc-js says what it found. */
const STRAY = '\xe9'

async function serve({ args = [] as string[], env = {} } = {}) {
  const dataDir = await temporaryDirectory(onTestFinished)
  const tokenFile = join(dataDir, 'admin.token')
  await writeFile(tokenFile, TOKEN)
  const server = await startServer({
    dataDir,
    args: ['--admin-token-file', tokenFile, ...args],
    env,
  })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  return { server, dataDir }
}

/** Makes calls on one connection, and waits until all are answered. */
async function call(address: string, calls: readonly Buffer[]): Promise<void> {
  const { socket } = await rawConnection(onTestFinished, address)
  const answered = streamsEnded(socket, calls.length)
  socket.write(Buffer.concat([HELLO, ...calls.map((headers, i) => emptyCall(1 + 2 * i, headers))]))
  await answered
}

it('standard error stays empty, whatever headers callers send', async () => {
  const { server } = await serve()
  const entry = literalHeader('x', STRAY.repeat(3900), true)
  const again = Array<Buffer>(2).fill(LAST_INDEXED)
  await call(
    server.ready.grpc,
    Array.from({ length: CALLS }, (_, i) =>
      callHeaders(CHECK, ...(i === 0 ? [entry] : []), ...again),
    ),
  )
  const { stdout, stderr } = await server.stop()
  expect(stderr).toBe('')
  // Neither does the log grow with it.
  const lines = linesOf(stdout).filter(({ event }) => event === 'dependency-output')
  expect(lines.length).toBeLessThan(CALLS)
})

it('the admin token with a stray byte is told nowhere', async () => {
  const { server, dataDir } = await serve({
    args: ['--log-level', 'debug'],
    env: { GRPC_TRACE: 'all', GRPC_VERBOSITY: 'DEBUG' },
  })
  const { grpc, http } = server.ready
  const authorization = literalHeader('authorization', `Bearer ${TOKEN}${STRAY}`)
  await call(grpc, [callHeaders('/sessiond.v1.Admin/GetStatus', authorization)])
  await fetch(`${http}/operator/check`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}${STRAY}`, 'Content-Type': 'application/json' },
    body: '{}',
  })
  const { stdout: log, stderr: errors } = await server.stop()
  expect(leaked(errors + log, SECRETS)).toEqual([])
  const file = join(dataDir, 'stray.token')
  await writeFile(file, `${TOKEN}${STRAY}`, 'latin1')
  for (const args of [
    ['status', '--server', grpc, '--admin-token-file', file],
    ['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--admin-token-file', file],
  ]) {
    const { code, stdout, stderr } = await sessiond(args)
    expect(code).not.toBe(0)
    expect(leaked(stdout + stderr, SECRETS)).toEqual([])
  }
})

it('a command prints no header of an answer, whatever stands in it', async () => {
  const server = createServer()
  server.on('stream', (stream, { authorization }) => {
    const answer = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }
    stream.respond({ ...answer, 'x-told': `${authorization}${STRAY}` }, { endStream: true })
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const file = join(await temporaryDirectory(onTestFinished), 'admin.token')
  await writeFile(file, TOKEN)
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const args = ['status', '--server', address, '--admin-token-file', file]
  const { code, stdout, stderr } = await sessiond(args)
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/^sessiond: [^\n]+\n$/)
  expect(leaked(stdout + stderr, SECRETS)).toEqual([])
})

it('what dependencies and Node print is a line of the log, without its text', async () => {
  const print = `process.once('SIGUSR2', () => {
    console.error(process.env.PRINTED)
    process.emitWarning(process.env.PRINTED, 'SomeWarning', 'SOME_CODE')
  })`
  const module = `data:text/javascript,${encodeURIComponent(print)}`
  const { server } = await serve({ env: { NODE_OPTIONS: `--import=${module}`, PRINTED: TOKEN } })
  server.child.kill('SIGUSR2')
  expect(await server.event('dependency-output')).toMatchObject({ by: 'console' })
  expect(await server.event('warning')).toMatchObject({
    err: { name: 'SomeWarning', code: 'SOME_CODE' },
  })
  const { stdout, stderr } = await server.stop()
  expect(stderr).toBe('')
  expect(leaked(stdout, SECRETS)).toEqual([])
})
