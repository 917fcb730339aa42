import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  type SecureContext,
  connect as startTls,
  type TLSSocket,
} from 'node:tls'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { TlsChannelCredentials } from '../../grpc/transport/grpc-js.js'

/**
 * TLS to a server whose certificate must be valid for `serverName`, a name or an IP address. It replaces the
 * credentials of grpc-js, which send an IP address as the server name in the handshake: RFC 6066 section 3 forbids
 * that, and `tls.connect` of Node 26 rejects it.
 */
export function tlsCredentials(
  secureContext: SecureContext,
  serverName: string,
): ChannelCredentials {
  return new TlsChannelCredentials((socket) => handshake(socket, secureContext, serverName))
}

function handshake(
  socket: Socket,
  secureContext: SecureContext,
  serverName: string,
): Promise<TLSSocket> {
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
