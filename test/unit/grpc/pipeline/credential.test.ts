import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { callUnary, refusal } from '../../../../src/client/connection/call.js'
import { type ConnectOptions, connect } from '../../../../src/client/connection/connect.js'
import { RefusedError } from '../../../../src/client/errors.js'
import {
  type AdmitOperator,
  type OperatorCredential,
  operatorRule,
} from '../../../../src/core/operators/trust.js'
import { openAdminCredential } from '../../../../src/credentials/admin-credential.js'
import { watchTls } from '../../../../src/credentials/tls.js'
import type { Call } from '../../../../src/grpc/pipeline/call.js'
import { serviceDefinition } from '../../../../src/grpc/pipeline/contracts.js'
import { grpcService } from '../../../../src/grpc/pipeline/pipeline.js'
import { TlsServerCredentials } from '../../../../src/grpc/transport/grpc-js.js'
import { Lifecycle } from '../../../../src/net/lifecycle.js'
import { type Certified, newAuthority } from '../../../support/certificates.js'
import { startTestGrpc, streamBytes, unaryBytes } from '../../../support/grpc.js'
import { NO_FAILURES } from '../../../support/observer.js'
import { temporaryDirectory } from '../../../support/process.js'

const TOKEN = 'the-admin-token-of-this-test'
const log = pino({ enabled: false })
const authority = newAuthority()
const operators = newAuthority('operators')
const client = (parts = {}) =>
  operators.issue({ usage: 'client', commonName: 'ops', names: ['ops.example'], ...parts })
const services = ['sessions_v1.Sessions', 'commandable.Commandable', 'sessiond.v1.Admin'] as const
const methods = services.flatMap((service) =>
  Object.values(serviceDefinition(service)).map(({ path, responseStream }) => ({
    path,
    responseStream,
  })),
)

const lifecycle = new Lifecycle()
afterAll(async () => void (await lifecycle.close(0)))
const directory = await temporaryDirectory(afterAll)
let credential: OperatorCredential

/** Both services over TLS, each method of which answers with who called it. Returns the address. */
async function serve(credential: OperatorCredential | null): Promise<string> {
  const admit = operatorRule(credential, true, 'configure one') as AdmitOperator
  const tls = watchTls(file, log)
  const who = (call: Call) => Buffer.from(call.caller.name)
  const method = (responseStream: boolean) =>
    responseStream
      ? streamBytes(async function* (_, call) {
          yield who(call)
        })
      : unaryBytes((_, call) => who(call))
  const served = services.map((service) => {
    const methods = Object.entries(serviceDefinition(service)).map(([name, { responseStream }]) => [
      name,
      method(responseStream),
    ])
    const ports = { observer: NO_FAILURES, admit }
    return [service, grpcService(service, Object.fromEntries(methods), ports)]
  })
  const credentials = new TlsServerCredentials(tls)
  const server = await startTestGrpc(Object.fromEntries(served), {}, undefined, credentials)
  lifecycle.add(() => tls.close())
  lifecycle.add(() => server.close(0))
  return server.address
}

const file = {
  cert: join(directory, 'cert.pem'),
  key: join(directory, 'key.pem'),
  clientCa: join(directory, 'ca.pem'),
}
const adminTokenFile = join(directory, 'token')
let guarded: string
let open: string

beforeAll(async () => {
  const { cert, key } = authority.issue()
  await writeFile(file.cert, cert)
  await writeFile(file.key, key)
  await writeFile(file.clientCa, operators.cert)
  await writeFile(adminTokenFile, `${TOKEN}\n`)
  credential = openAdminCredential(
    { adminTokenFile, tlsClientCa: file.clientCa },
    log,
    lifecycle,
  ) as OperatorCredential
  guarded = await serve(credential)
  open = await serve(null)
})

interface Shown {
  readonly token?: string
  readonly certificate?: Certified
  /** Metadata of a proxy. */
  readonly header?: string
}

/** Calls a method; gives what it answers, or throws RefusedError. */
async function call(address: string, path: string, shown: Shown): Promise<string> {
  const { token, certificate, header } = shown
  const options: ConnectOptions = {
    serverKeys: 'any',
    tls: {
      ca: authority.cert,
      ...(certificate && { cert: certificate.cert, key: certificate.key }),
    },
    ...(token !== undefined && { adminToken: token }),
  }
  const connection = connect(address, options)
  onTestFinished(() => connection.close())
  const none = Buffer.alloc(0)
  const metadata = new Metadata()
  if (header !== undefined) {
    metadata.set(header, 'a')
  }
  if (methods.find((method) => method.path === path)?.responseStream) {
    const same = (bytes: Buffer) => bytes
    const answers = connection.client.makeServerStreamRequest(path, same, same, none, metadata)
    const [answer] = await answers.toArray().catch((error: ServiceError) => {
      throw refusal(error)
    })
    return `${answer}`
  }
  return `${await callUnary(connection.client, path, none, Date.now() + 10_000, undefined, metadata)}`
}

const STATUS = '/sessiond.v1.Admin/GetStatus'
const BACKUP = '/sessiond.v1.Admin/Backup'

describe('the admin credential', () => {
  it.each(methods)('is wanted by $path', async ({ path }) => {
    await expect(call(guarded, path, {})).rejects.toMatchObject({
      grpcCode: 16,
      code: 'CREDENTIAL_REQUIRED',
      message:
        'an admin credential is needed: the admin token, as "authorization: Bearer TOKEN" (commands: --admin-token-file FILE), ' +
        'or a client certificate of an authority that this server knows',
    })
    expect(await call(guarded, path, { token: TOKEN })).toBe('admin token')
  })

  it.each<[string, Shown, string]>([
    ['the token', { token: TOKEN }, 'admin token'],
    ['a certificate', { certificate: client() }, 'client certificate CN=ops'],
    ['both', { token: TOKEN, certificate: client() }, 'admin token'],
    ['a wrong token, and a certificate', { token: 'wrong', certificate: client() }, 'CN=ops'],
    ['the token, and a stranger', { token: TOKEN, certificate: authority.issue() }, 'admin token'],
  ])('is %s', async (_, shown, name) => {
    for (const path of [STATUS, BACKUP]) {
      expect(await call(guarded, path, shown)).toContain(name)
    }
  })

  it.each<[string, Shown]>([
    ['a wrong token', { token: 'the-admin-token-of-that-test' }],
    ['a part of the token', { token: TOKEN.slice(0, -1) }],
    ['more than the token', { token: `${TOKEN}1` }],
    ['the token in another case', { token: TOKEN.toUpperCase() }],
  ])('is not %s', async (_, shown) => {
    for (const path of [STATUS, BACKUP]) {
      await expect(call(guarded, path, shown)).rejects.toMatchObject({
        code: 'CREDENTIAL_REQUIRED',
        message: expect.stringContaining(
          "the admin credential that was shown is not this server's",
        ),
        metadata: { credential: 'wrong' },
      })
    }
  })

  it.each<[string, Certified, string]>([
    [
      "of the server's authority",
      authority.issue({ usage: 'client' }),
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    ['that has expired', client({ notAfterMs: Date.now() - 1000 }), 'CERT_HAS_EXPIRED'],
    [
      'that is not valid yet',
      client({ notBeforeMs: Date.now() + 3_600_000 }),
      'CERT_NOT_YET_VALID',
    ],
    ['for servers', client({ usage: 'server' }), 'INVALID_PURPOSE'],
  ])('is not a certificate %s, and the refusal says why', async (_, certificate, problem) => {
    for (const path of [STATUS, BACKUP]) {
      await expect(call(guarded, path, { certificate })).rejects.toMatchObject({
        code: 'CREDENTIAL_REQUIRED',
        message: expect.stringContaining(
          `the client certificate that was shown is not accepted (${problem}): `,
        ),
        metadata: { credential: 'wrong', certificate: problem },
      })
    }
  })

  it('is no certificate under the name of an authority that did not sign it', async () => {
    const certificate = newAuthority('operators').issue({ usage: 'client' })
    // OpenSSL lets such a connection get no further, whatever is asked of it.
    await expect(call(guarded, STATUS, { certificate })).rejects.toBeInstanceOf(RefusedError)
  })

  it('is not asked for where none is configured, but then no proxy is let in', async () => {
    for (const path of [STATUS, BACKUP]) {
      expect(await call(open, path, {})).toBe('gRPC on loopback')
      expect(await call(open, path, { token: TOKEN })).toBe('gRPC on loopback')
      for (const header of [
        ...['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-x', 'x-forwarded'],
        ...['x-original-forwarded-for', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip'],
        ...['cf-connecting-ip', 'x-envoy-external-address'],
      ]) {
        await expect(call(open, path, { header })).rejects.toMatchObject({
          grpcCode: 7,
          code: 'FORWARDED',
          metadata: { header },
        })
        expect(await call(guarded, path, { header, token: TOKEN })).toBe('admin token')
      }
      expect(await call(open, path, { header: 'x-forward' })).toBe('gRPC on loopback')
    }
  })

  it('knows a header by its name, also where grpc-js would drop its value', async () => {
    const ask = async (address: string, name: string) => {
      const session = connectHttp2(`https://${address}`, { ca: authority.cert })
      onTestFinished(() => session.destroy())
      const stream = session.request({
        ':method': 'POST',
        ':path': STATUS,
        'content-type': 'application/grpc',
        te: 'trailers',
        [name]: 'Bearer \xe9, 1.2.3.4',
      })
      stream.end(Buffer.alloc(5))
      const [headers] = await once(stream, 'response')
      return decodeURIComponent(`${headers['grpc-message']}`)
    }
    expect(await ask(open, 'x-forwarded-for')).toContain('x-forwarded-for')
    expect(await ask(guarded, 'authorization')).toContain('the admin credential that was shown')
  })

  it('is nothing that health asks for', async () => {
    expect(await call(guarded, '/grpc.health.v1.Health/Check', {})).toBe('\b\x01')
  })
})
