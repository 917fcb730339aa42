import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  connect as startTls,
  type TLSSocket,
} from 'node:tls'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { certificateChain, trustedCertificates } from '../../crypto/certificates.js'
import { privateKeyOfTls } from '../../crypto/private-key.js'
import { TlsChannelCredentials } from '../../grpc/transport/grpc-js.js'

/** Certificates and keys for TLS 1.2 or later, all in PEM. */
export interface TlsOptions {
  /** Certificates of the authorities to trust. Default: Node's own list. */
  readonly ca?: string | Uint8Array
  /** A client certificate: an admin credential on a server with `--tls-client-ca`. Needs `key`. */
  readonly cert?: string | Uint8Array
  /** The private key of `cert`, unencrypted. */
  readonly key?: string | Uint8Array
  /** The name that the server's certificate must carry. Default: the host of the address. */
  readonly serverName?: string
}

/**
 * TLS to a server whose certificate must be valid for `serverName`, or else for `host`: a name or an IP address. It replaces
 * the credentials of grpc-js, which send an IP address as the server name in the handshake: RFC 6066 section 3 forbids
 * that, and `tls.connect` of Node 26 rejects it. Throws InputFileError.
 */
export function tlsCredentials(
  { serverName, ca, cert, key }: TlsOptions,
  host: string,
): ChannelCredentials {
  const context = createSecureContext({
    ...(ca !== undefined && { ca: trustedCertificates(pemOf(ca), 'tls.ca') }),
    ...(cert !== undefined && { cert: certificateChain(pemOf(cert), 'tls.cert').join('') }),
    ...(key !== undefined && { key: privateKeyOfTls(pemOf(key), 'tls.key') }),
    minVersion: 'TLSv1.2',
  })
  return new TlsChannelCredentials((socket) => handshake(socket, context, serverName ?? host))
}

function pemOf(pem: string | Uint8Array): string {
  return Buffer.from(pem as string).toString()
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
