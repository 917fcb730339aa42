import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { newAuthority } from '../support/certificates.js'
import {
  CLI,
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'

const directory = await temporaryDirectory(afterAll)
const TOKEN = 'the-admin-token-of-this-test'
const NAME = 'sessions.example'
const tokenFile = join(directory, 'admin.token')
const caFile = join(directory, 'ca.pem')
let plain: ServerProcess
let secured: ServerProcess

beforeAll(async () => {
  const authority = newAuthority()
  const { cert, key } = authority.issue({ names: [NAME] })
  const [certFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')]
  await writeFile(tokenFile, TOKEN)
  await writeFile(caFile, authority.cert)
  await writeFile(certFile, cert)
  await writeFile(keyFile, key)
  const admin = ['--admin-token-file', tokenFile]
  plain = await startServer({ dataDir: join(directory, 'plain'), args: admin })
  secured = await startServer({
    dataDir: join(directory, 'secured'),
    args: [...admin, '--tls-cert', certFile, '--tls-key', keyFile],
  })
})
afterAll(async () => {
  await plain.stop()
  await secured.stop()
})

/** A proxy that leads to the server with TLS, whatever is asked for. */
async function proxy() {
  const asked: string[] = []
  let received = ''
  const server = createServer().on('connect', ({ url = '' }, socket, head) => {
    asked.push(url)
    const onward = connect(Number(secured.ready.grpc.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.write(head)
      onward.pipe(socket)
    })
    socket.on('error', () => {}).on('close', () => onward.destroy())
    onward.on('error', () => {}).on('close', () => socket.destroy())
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      onward.write(bytes)
    })
  })
  server.on('connection', () => asked.push('a connection'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, asked, received: () => received }
}

const VARIABLES = [
  'grpc_proxy',
  'http_proxy',
  'https_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
]
const through = (url: string, more: NodeJS.ProcessEnv = {}) => {
  const { no_proxy: _, NO_PROXY: __, no_grpc_proxy: ___, ...env } = process.env
  return { env: { ...env, ...Object.fromEntries(VARIABLES.map((name) => [name, url])), ...more } }
}
const SERVER = ['--server', `${NAME}:8090`, '--admin-token-file', tokenFile]

describe('a proxy that the environment names', () => {
  it.each(['127.0.0.1', 'localhost'])('never sees what goes to %s', async (host) => {
    const { url, asked } = await proxy()
    const server = plain.ready.grpc.replace('127.0.0.1', host)
    const status = await sessiond(
      ['status', '--server', server, '--admin-token-file', tokenFile],
      through(url, { NODE_USE_ENV_PROXY: '1' }),
    )
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(asked).toEqual([])
  })

  it('never sees the session list of this machine', async () => {
    const { url, asked } = await proxy()
    const http = new URL(plain.ready.http).host
    const args = [CLI, 'sessions', 'watch', '--json', '--http', http]
    const watch = spawn(process.execPath, args, through(url, { NODE_USE_ENV_PROXY: '1' }))
    onTestFinished(() => void watch.kill())
    for await (const line of createInterface(watch.stdout)) {
      if (line.includes('"type":"open"')) {
        break
      }
    }
    expect(asked).toEqual([])
  })

  it('gets no token without TLS, also where the operator has allowed that', async () => {
    const { url, asked, received } = await proxy()
    const refused = await sessiond(['status', ...SERVER, '--plaintext'], through(url))
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('cannot be reached')
    expect(asked).toEqual([])
    expect(received()).toBe('')
  })

  it('carries TLS to another machine, and sees no token', async () => {
    const { url, asked, received } = await proxy()
    const status = await sessiond(['status', ...SERVER, '--tls-ca', caFile], through(url))
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(asked).toEqual(['a connection', `${NAME}:8090`])
    expect(received()).not.toContain(TOKEN)
    // The certificate must be of the server that was asked for, not of the proxy.
    const other = ['--server', 'other.example:8090', '--admin-token-file', tokenFile]
    const refused = await sessiond(['status', ...other, '--tls-ca', caFile], through(url))
    expect(refused.stderr).toContain('is not of this name')
  })

  it('is passed by where NO_PROXY says so', async () => {
    const { url, asked } = await proxy()
    const { env } = through(url, { NO_PROXY: `elsewhere.example, ${NAME}:8090` })
    const refused = await sessiond(['status', ...SERVER, '--tls-ca', caFile], { env })
    expect(refused).toMatchObject({ code: 1 })
    expect(asked).toEqual([])
  })
})
