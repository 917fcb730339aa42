import { TLSSocket } from 'node:tls'
import type { ClientCertificate } from '../core/operators/credential.js'

/**
 * The certificate that the peer has proved to be its own. Node calls a session `authorized` that was resumed
 * without any, and shows an empty object in place of the certificate.
 */
export function provenCertificate(socket: unknown): ClientCertificate | undefined {
  return socket instanceof TLSSocket && socket.authorized ? shownCertificate(socket) : undefined
}

/** Why the certificate that the peer showed proves nothing: OpenSSL's code, such as `CERT_HAS_EXPIRED`. */
export function certificateProblem(socket: unknown): string | undefined {
  if (!(socket instanceof TLSSocket) || socket.authorized || !shownCertificate(socket)) {
    return undefined
  }
  const code = `${socket.authorizationError}`
  return /^[A-Z0-9_]+$/.test(code) ? code : 'NOT_VERIFIED'
}

function shownCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerCertificate()
  return certificate?.raw === undefined ? undefined : certificate
}
