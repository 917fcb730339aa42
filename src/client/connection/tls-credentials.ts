import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  type SecureContext,
  connect as startTls,
  type TLSSocket,
} from 'node:tls'
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js'

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>

/**
 * TLS to a server whose certificate must be of `serverName`, a name or an IP address. In place of grpc-js's own,
 * which puts an address into the handshake as the name of the server: RFC 6066 section 3 forbids that, and
 * `tls.connect` of Node 26 refuses it.
 */
export class TlsCredentials extends ChannelCredentials {
  constructor(
    private readonly secureContext: SecureContext,
    private readonly serverName: string,
  ) {
    super()
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials = CallCredentials.createEmpty(),
  ): SecureConnector {
    return {
      connect: async (socket) => ({ socket: await this.handshake(socket), secure: true }),
      waitForReady: async () => {},
      getCallCredentials: () => callCredentials,
      destroy() {},
    }
  }

  private handshake(socket: Socket): Promise<TLSSocket> {
    const { secureContext, serverName } = this
    return new Promise((resolve, reject) => {
      const secured: TLSSocket = startTls(
        {
          socket,
          secureContext,
          ALPNProtocols: ['h2'],
          ...(isIP(serverName) === 0 && { servername: serverName }),
          checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
        },
        () => resolve(secured),
      )
      secured.on('error', reject)
    })
  }
}
