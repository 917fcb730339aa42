import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'
import { type TlsSetup, tlsSetup } from '../support/tls.js'

const directory = await temporaryDirectory(afterAll)
let tls: TlsSetup
let server: ServerProcess

beforeAll(async () => {
  tls = await tlsSetup(directory)
  server = await startServer({ dataDir: join(directory, 'data'), args: tls.serveArgs })
})
afterAll(async () => {
  expect(await server.stop()).toMatchObject({ code: 0, signal: null, stderr: '' })
})

interface Answer {
  readonly status: string
  readonly isResumed: boolean
  readonly session: Buffer | undefined
}

/** A request in a TLS session of its own, or in the one given. */
function get(request: string, options: ConnectionOptions): Promise<Answer> {
  const { port } = new URL(server.ready.http)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), ...options })
    let [session, text]: [Buffer | undefined, string] = [undefined, '']
    socket.on('session', (ticket) => {
      session = ticket
    })
    let isResumed = false
    socket.on('secureConnect', () => {
      isResumed = socket.isSessionReused()
      socket.write(`${request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${BODY}`)
    })
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('error', reject)
    socket.on('close', () => resolve({ status: text.slice(9, 12), isResumed, session }))
  })
}
const BODY = 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'

/** The gRPC status of a call for operators, likewise. */
function callStatus(options: ConnectionOptions): Promise<Answer> {
  const [host, port] = server.ready.grpc.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ALPNProtocols: ['h2'], ...options })
    let session: Buffer | undefined
    socket.on('session', (ticket) => {
      session = ticket
    })
    const client = connectHttp2(`https://${server.ready.grpc}`, { createConnection: () => socket })
    client.on('error', reject)
    const call = client.request({
      ...{ ':method': 'POST', ':path': '/sessiond.v1.Admin/GetStatus' },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    })
    let status = ''
    const take = (headers: Record<string, unknown>) => {
      status = `${headers['grpc-status'] ?? status}`
    }
    call.on('response', take)
    call.on('trailers', take)
    call.on('close', () => {
      resolve({ status, isResumed: socket.isSessionReused(), session })
      client.close()
    })
    call.resume().end(Buffer.alloc(5))
  })
}

describe.each([
  ['metrics', (options: ConnectionOptions) => get('GET /metrics', options), '403', '200'],
  ['operating', (options: ConnectionOptions) => get('POST /operator/check', options), '401', '200'],
  ['Admin over gRPC', callStatus, '16', '0'],
] as const)('%s in a resumed TLS session', (_, ask, refused, served) => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s is for whom the first was, and ends nothing',
    async (version) => {
      const operator = tls.operators.issue({ usage: 'client' })
      const stranger = tls.authority.issue({ usage: 'client' })
      for (const [certificate, status] of [
        [{}, refused],
        [stranger, refused],
        [operator, served],
      ] as const) {
        const { cert, key } = { cert: undefined, key: undefined, ...certificate }
        const options = {
          ...{ ca: tls.authority.cert, minVersion: version, maxVersion: version },
          ...(cert && { cert, key }),
        }
        const first = await ask(options)
        expect(first).toMatchObject({ status, isResumed: false })
        // Over TLS 1.3 a server resumes what it gave a ticket for.
        const { session } = first
        expect(session).toBeDefined()
        expect(await ask({ ...options, ...(session && { session }) })).toMatchObject({
          status,
          isResumed: true,
        })
      }
    },
  )
})
