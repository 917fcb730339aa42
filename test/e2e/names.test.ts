import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { run, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { connectPeer } from '../support/seneca.js'

const directory = await temporaryDirectory(afterAll)
const SET_NAMES = fileURLToPath(new URL('../support/set-names.mjs', import.meta.url))
const HEALTHCHECK = fileURLToPath(new URL('../../packaging/healthcheck.js', import.meta.url))

/** An environment in which these are the addresses of localhost. */
const localhostAt = (...addresses: readonly string[]) => ({
  NODE_OPTIONS: `--import=${SET_NAMES}`,
  SET_NAMES: JSON.stringify({ localhost: addresses }),
})

async function hasIPv6(): Promise<boolean> {
  const server = createServer().listen(0, '::1')
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.close()
  return listens
}

// Without IPv6 any second address of loopback does.
const other = (await hasIPv6()) ? '::1' : '127.0.0.2'
const bracketed = other.includes(':') ? `[${other}]` : other

describe(`a server on localhost, which is ${other} before it is 127.0.0.1`, () => {
  it('listens on both, says so, and knows its callers by either', async () => {
    const server = await startServer({
      dataDir: join(directory, 'data'),
      args: [
        ...['--grpc', 'localhost:0', '--http', 'localhost:0', '--seneca', 'tcp://localhost:0'],
        ...['--log-level', 'debug'],
      ],
      env: localhostAt(other, '127.0.0.1'),
    })
    onTestFinished(async () => void (await server.stop()))
    const { grpc, http, seneca } = server.ready
    const hosts = [bracketed, '127.0.0.1']
    for (const [addresses, scheme] of [
      [grpc.split(','), ''],
      [http.split(','), 'http://'],
      [seneca, 'tcp://'],
    ] as const) {
      const [, port] = /:(\d+)$/.exec(addresses[0] ?? '') ?? []
      expect(addresses).toEqual(hosts.map((host) => `${scheme}${host}:${port}`))
    }
    for (const address of grpc.split(',')) {
      expect(await sessiond(['status', '--server', address])).toMatchObject({ code: 0, stderr: '' })
      const call = await server.event('call')
      expect(call.peer).toMatch(address.startsWith('[') ? /^\[::1\]:\d+$/ : /^127\.0\.0\.\d:\d+$/)
    }
    for (const address of http.split(',')) {
      expect((await fetch(`${address}/readyz`)).status).toBe(200)
      const SESSIOND_HTTP = new URL(address).host
      const checked = await run(process.execPath, [HEALTHCHECK], {
        env: { ...process.env, SESSIOND_HTTP },
      })
      expect(checked).toMatchObject({ code: 0, stderr: '' })
    }
    for (const address of seneca) {
      const peer = await connectPeer({ address })
      peer.send('hello\n')
      await peer.closed
    }
  })

  it('is found healthy under its name by the check of the container', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')).listen(0, other)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const env = { ...process.env, ...localhostAt(other), SESSIOND_HTTP: `localhost:${port}` }
    const check = spawn(process.execPath, [HEALTHCHECK], { env })
    expect(await once(check, 'close')).toEqual([0, null])
  })
})

it('does not start where localhost is another machine', async () => {
  const server = await startServer({
    dataDir: join(directory, 'less'),
    args: ['--grpc', 'localhost:0'],
    // Set apart for documents, and so on no machine.
    env: localhostAt('2001:db8::1', '127.0.0.1'),
  }).catch((error: Error) => error)
  expect(`${server}`).toContain('localhost is 2001:db8::1 here, which is not a loopback address')
})
