import { createServer } from 'node:http2'
import { createRequire } from 'node:module'
import * as grpcJs from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../../src/client/index.js'
import { expectGrpcJs, RELEASE } from '../../../../src/grpc/transport/grpc-js.js'

const require = createRequire(import.meta.url)

/** The library with other parts in place of its own. */
const libraryWith = (parts: object) => ({ ...grpcJs, ...parts }) as typeof grpcJs

/** A server whose inside is as `change` leaves it once an injector was made. */
function serverWith(change: (inside: { http2Servers: unknown }) => void) {
  return class extends grpcJs.Server {
    override createConnectionInjector(credentials: grpcJs.ServerCredentials) {
      const injector = super.createConnectionInjector(credentials)
      change(this as never)
      return injector
    }
  }
}

describe("what we take of grpc-js's inside", () => {
  it('is there in the release that the file was written for, which is the one that is pinned', () => {
    expect(require('@grpc/grpc-js/package.json').version).toBe(RELEASE)
    expect(require('../../../../package.json').dependencies['@grpc/grpc-js']).toBe(RELEASE)
    expectGrpcJs('server')
    expectGrpcJs('client')
  })

  it.each<[string, object]>([
    [
      'Server.http2Servers',
      {
        Server: serverWith((inside) => {
          inside.http2Servers = undefined
        }),
      },
    ],
    [
      'Server.http2Servers',
      {
        Server: serverWith((inside) => {
          inside.http2Servers = new Map([[createServer(), {}]])
        }),
      },
    ],
    [
      'one listener of streams',
      {
        Server: serverWith((inside) => {
          inside.http2Servers = new Map([[createServer(), { sessions: new Set() }]])
        }),
      },
    ],
    [
      'Server.register',
      {
        Server: class extends grpcJs.Server {
          override addService() {}
        },
      },
    ],
    [
      'a context of TLS, and another one later',
      {
        ServerCredentials: class extends grpcJs.ServerCredentials {
          override _equals = () => false
          protected override updateSecureContextOptions() {}
        },
      },
    ],
  ])('keeps a server from starting where %s is missing', (part, changed) => {
    expect(() => expectGrpcJs('server', libraryWith(changed))).toThrow(
      expect.objectContaining({
        code: 'DEPENDENCY_MISMATCH',
        message: expect.stringMatching(
          new RegExp(`^the installed @grpc/grpc-js lacks .*${part}.*: install release ${RELEASE}`),
        ),
      }),
    )
  })

  it('keeps a client from TLS where its credentials make no connector', () => {
    const credentials = { createInsecure: () => ({ _isSecure: () => false, _equals() {} }) }
    expect(() => expectGrpcJs('client', libraryWith({ credentials }))).toThrow(
      expect.objectContaining({ code: 'DEPENDENCY_MISMATCH' }),
    )
    connect('localhost:1', { serverKeys: 'any', tls: true }).close()
  })
})
