import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { BadRequest, ErrorInfo } from '#generated/google/rpc/error_details'
import { itServed, withExp } from '../support/interop.js'
import { run } from '../support/process.js'

const BUF = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url))
const curl = (args: readonly string[], input = '') =>
  run(BUF, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args], { input })
const lines = (text: string) => text.trim().split('\n')

describe('buf curl, by reflection', () => {
  itServed('lists services', async ({ server }) => {
    const { stdout } = await curl(['--list-services', `http://${server.address}`])
    expect(lines(stdout)).toEqual([
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

  itServed('lists methods', async ({ server }) => {
    const { stdout } = await curl(['--list-methods', `http://${server.address}`])
    expect(lines(stdout)).toEqual(
      expect.arrayContaining(['grpc.health.v1.Health/Check', 'session.Session/Create']),
    )
  })

  itServed('opens the session that `sessiond request` asks for', async ({ server, request }) => {
    const url = `http://${server.address}/session.Session/Create`
    const { body, verifyHeader } = JSON.parse((await curl(['--data', '@-', url], request)).stdout)
    expect(Buffer.from(body.id, 'base64')).toHaveLength(16)
    expect(Buffer.from(body.sessionKey, 'base64')).toHaveLength(32)
    expect(Buffer.from(verifyHeader.bodySignature.key, 'base64').toString('hex')).toBe(
      server.publicKey,
    )
  })

  itServed('shows a refusal with its details', async ({ server, request }) => {
    const url = `http://${server.address}/session.Session/Create`
    const tooLong = withExp(request, (exp) => 2n * exp)
    const { code, stderr } = await curl(['--data', '@-', url], tooLong)
    expect(code).not.toBe(0)
    const refused = JSON.parse(stderr)
    expect(refused).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('body.lifetime.exp'),
      details: [{ type: 'google.rpc.ErrorInfo' }, { type: 'google.rpc.BadRequest' }],
    })
    const [info, badRequest] = refused.details.map(({ value }: { value: string }) =>
      Buffer.from(value, 'base64'),
    )
    expect(ErrorInfo.decode(info)).toMatchObject({ reason: 'INVALID_LIFETIME', domain: 'sessiond' })
    expect(BadRequest.decode(badRequest).fieldViolations).toMatchObject([
      { field: 'body.lifetime.exp' },
    ])
  })
})
