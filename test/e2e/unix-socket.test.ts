import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, stat, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { AdminClient, connect, SessionsClient } from '../../src/client/index.js'
import { createClient, createRequest } from '../support/create.js'
import { HELLO, PING } from '../support/http2-frames.mjs'
import { sessiond, spawnServer, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

const directory = await temporaryDirectory(afterAll)
let made = 0

/** The path of a socket that is not there. */
const newPath = () => join(directory, `${++made}.sock`)

async function start(grpc: string, args: readonly string[] = []) {
  const dataDir = join(directory, `data-${made}`)
  const server = await startServer({ dataDir, args: ['--grpc', grpc, ...args] })
  onTestFinished(async () => void (await server.stop()))
  return server
}

function operator(target: string, adminToken?: string) {
  const connection = connect(target, {
    serverKeys: 'any',
    ...(adminToken !== undefined && { adminToken }),
  })
  onTestFinished(() => connection.close())
  return { sessions: new SessionsClient(connection), admin: new AdminClient(connection) }
}

describe('gRPC on a Unix socket', () => {
  it.each(['unix:', 'unix://'])('is served as gRPC names it, %s/PATH', async (scheme) => {
    const path = newPath()
    const server = await start(`${scheme}${path}`, ['--log-level', 'debug'])
    expect(server.ready.grpc).toBe(`unix:${path}`)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const client = createClient(`unix:${path}`)
    onTestFinished(() => client.close())
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    const { sessions, admin } = operator(`unix://${path}`)
    const { id } = await sessions.open({ userId: 'alice', address: 'here', client: 'app' })
    await expect(sessions.close(id)).resolves.toMatchObject({ id })
    await expect(admin.status()).resolves.toHaveProperty('version')
    const status = await sessiond(['status', '--server', `unix:${path}`, '--json'])
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(status.stdout)).toMatchObject({ open_sessions: 1 })
    const { peer } = await server.event('call')
    expect(peer).toMatch(/^unix:\d+$/)
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
    expect(existsSync(path)).toBe(false)
  })

  it('has no TLS, and asks for the admin token where there is one', async () => {
    const tls = await tlsSetup(directory)
    const path = newPath()
    const server = await start(`unix:${path}`, tls.serveArgs)
    expect(server.ready.http).toMatch(/^https:/)
    await expect(operator(`unix:${path}`).admin.status()).rejects.toMatchObject({
      code: 'CREDENTIAL_REQUIRED',
    })
    const { admin } = operator(`unix:${path}`, tls.token)
    await expect(admin.status()).resolves.toHaveProperty('version')
  })

  it('bounds what its peers do as if they had one address', async () => {
    const path = newPath()
    const server = await start(`unix:${path}`)
    const silent = connectSocket({ path })
      .on('error', () => {})
      .resume()
    const cut = new Promise((resolve) => silent.on('close', resolve))
    const pings = Buffer.concat([HELLO, ...Array<Buffer>(50_000).fill(PING)])
    let isBarred = false
    const barred = server
      .event('limited', { limit: 'flood', peer: 'unix' })
      .then(() => server.event('limited', { limit: 'barred', peer: 'unix' }))
      .then(() => {
        isBarred = true
      })
    // HTTP/2 itself ends some of them; the peer comes back until ours bars it.
    while (!isBarred) {
      const flooding = connectSocket({ path }).on('error', () => {})
      const closed = new Promise((resolve) => flooding.on('close', resolve))
      flooding.resume().write(pings)
      await closed
    }
    await cut
    await barred
    expect((await fetch(`${server.ready.http}/healthz`)).status).toBe(200)
  })

  it('takes the place of a socket that a server has left behind', async () => {
    const path = newPath()
    const first = await start(`unix:${path}`)
    await first.stop('SIGKILL')
    expect((await stat(path)).isSocket()).toBe(true)
    const second = await start(`unix:${path}`, ['--grpc-socket-mode', '0660'])
    expect((await stat(path)).mode & 0o777).toBe(0o660)
    await expect(operator(`unix:${path}`).admin.status()).resolves.toHaveProperty('version')
    await second.stop()
  })

  it('takes no place where a server listens, and removes nothing that is no socket', async () => {
    const path = newPath()
    await start(`unix:${path}`)
    const other = spawnServer({
      dataDir: join(directory, 'other'),
      args: ['--grpc', `unix:${path}`],
    })
    expect(await other.exited).toEqual({
      ...{ code: 5, signal: null, stdout: '' },
      stderr: `sessiond: cannot listen on unix:${path}: free that address, or give another with --grpc\n`,
    })
    await expect(operator(`unix:${path}`).admin.status()).resolves.toHaveProperty('version')

    const file = join(directory, 'a file')
    await writeFile(file, 'of somebody')
    const third = spawnServer({
      dataDir: join(directory, 'third'),
      args: ['--grpc', `unix:${file}`],
    })
    expect(await third.exited).toMatchObject({
      ...{ code: 5, signal: null },
      stderr: expect.stringContaining('the file there is not a socket'),
    })
    expect((await stat(file)).size).toBe('of somebody'.length)
  })

  it.runIf(process.getuid?.() === 0)('lets nobody in whom its mode keeps out', async () => {
    const path = newPath()
    await chmod(directory, 0o755)
    await start(`unix:${path}`)
    const connecting = spawn(
      process.execPath,
      [
        '-e',
        `require('net').connect(${JSON.stringify(path)}).on('error', (e) => console.log(e.code))`,
      ],
      { uid: 65_534, gid: 65_534, cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] },
    )
    expect((await connecting.stdout.toArray()).join('')).toBe('EACCES\n')
  })
})
