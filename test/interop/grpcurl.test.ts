import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { itServed, withExp } from '../support/interop.js'
import { run, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'
import { haveTool, interopTool } from '../support/tools.js'

const program = interopTool('bin/grpcurl', 'grpcurl')
const grpcurl = (args: readonly string[], input = '') =>
  run(program, ['-plaintext', ...args], { input })
const CREATE = 'session.Session/Create'

describe.skipIf(!haveTool('grpcurl', [program, '-version']))('grpcurl', () => {
  itServed('lists the services that are there', async ({ server }) => {
    const { stdout } = await grpcurl([server.address, 'list'])
    expect(stdout.trim().split('\n')).toEqual([
      'commandable.Commandable',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'session.Session',
      'sessiond.v1.Admin',
      'sessiond.v1.Identity',
      'sessiond.v1.Tokens',
      'sessions_v1.Sessions',
    ])
  })

  it('calls over a Unix socket', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const path = join(directory, 'grpc.sock')
    const args = ['--grpc', `unix:${path}`]
    const server = await startServer({ dataDir: join(directory, 'data'), args })
    onTestFinished(async () => void (await server.stop()))
    const called = await grpcurl([`unix://${path}`, 'sessiond.v1.Admin/GetStatus'])
    expect(called).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(called.stdout)).toHaveProperty('version')
  })

  itServed.for([
    [
      'session.Session',
      'rpc Create ( .session.CreateRequest ) returns ( .session.CreateResponse )',
    ],
    ['session.CreateRequest.Body', '.service.TokenLifetime lifetime = 2;'],
    // From another file than the service: reflection must know which file imports which.
    ['service.RequestMetaHeader', '.service.BearerToken bearer = 6;'],
    ['google.rpc.ErrorInfo', 'map<string, string> metadata = 3;'],
    // What a field means stands in its comment.
    ['session.CreateRequest.Body', '// How long it lasts.'],
    ['grpc.health.v1.Health', '// The status of every service.'],
    ['grpc.reflection.v1.ServerReflection', 'stream .grpc.reflection.v1.ServerReflectionResponse'],
    ['grpc.reflection.v1alpha.ServerReflection', '// Answers each request in turn.'],
  ] as const)('describes %s', async ([name, line], { server }) => {
    const { stdout } = await grpcurl([server.address, 'describe', name])
    expect(stdout).toContain(line)
  })

  itServed('opens the session that `sessiond request` asks for', async ({ server, request }) => {
    const create = () => grpcurl(['-d', '@', server.address, CREATE], request)
    const { body, verifyHeader } = JSON.parse((await create()).stdout)
    expect(Buffer.from(body.id, 'base64')).toHaveLength(16)
    expect(Buffer.from(body.sessionKey, 'base64')).toHaveLength(32)
    expect(Buffer.from(verifyHeader.bodySignature.key, 'base64').toString('hex')).toBe(
      server.publicKey,
    )
    expect(JSON.parse((await create()).stdout).body).toEqual(body)
  })

  itServed.for([
    {
      name: 'a signature over other bytes',
      exp: (exp: bigint) => exp + 1n,
      code: 'Unauthenticated',
      reason: 'BAD_SIGNATURE',
      detail: '"@type": "type.googleapis.com/google.rpc.ErrorInfo"',
    },
    {
      name: 'a lifetime that is too long',
      exp: (exp: bigint) => 2n * exp,
      code: 'InvalidArgument',
      reason: 'INVALID_LIFETIME',
      detail: '"field": "body.lifetime.exp"',
    },
  ])('explains the refusal of $name', async (refusal, { server, request }) => {
    const args = ['-d', '@', server.address, CREATE]
    const { code, stderr } = await grpcurl(args, withExp(request, refusal.exp))
    expect(code).not.toBe(0)
    expect(stderr).toContain(`Code: ${refusal.code}\n`)
    expect(stderr).toContain(`"reason": "${refusal.reason}"`)
    expect(stderr).toContain(refusal.detail)
  })

  itServed('asks for health', async ({ server }) => {
    const args = ['-d', '{"service":"session.Session"}', server.address]
    const { stdout } = await grpcurl([...args, 'grpc.health.v1.Health/Check'])
    expect(JSON.parse(stdout)).toEqual({ status: 'SERVING' })
  })

  it('shows the admin token over TLS', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const tls = await tlsSetup(directory)
    const server = await startServer({
      dataDir: join(directory, 'data'),
      args: ['--grpc', '0.0.0.0:0', ...tls.serveArgs],
    })
    onTestFinished(async () => {
      await server.stop()
    })
    const address = server.ready.grpc.replace('0.0.0.0', '127.0.0.1')
    const call = (...args: readonly string[]) =>
      run(program, ['-cacert', tls.caFile, ...args.slice(0, -1), address, `${args.at(-1)}`])
    expect((await call('list')).stdout).toContain('sessiond.v1.Admin')
    const status = 'sessiond.v1.Admin/GetStatus'
    const refused = await call(status)
    expect(refused.stderr).toContain('Code: Unauthenticated\n')
    expect(refused.stderr).toContain('"reason": "CREDENTIAL_REQUIRED"')
    const { stdout } = await call('-H', `authorization: Bearer ${tls.token}`, status)
    expect(JSON.parse(stdout)).toMatchObject({ version: expect.any(String) })
  })
})
