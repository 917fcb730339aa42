import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tls } from '../../src/credentials/tls.js'
import { type Authority, type Certified, newAuthority } from './certificates.js'

/** TLS with one certificate, which asks clients for none. */
export function fixedTls({ cert, key }: Certified): Tls {
  const context = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' } as const
  return {
    current: () => context,
    asking: { requestCert: false, rejectUnauthorized: false },
    onChange() {},
    close() {},
  }
}

/** Files for a server with TLS, an admin token and authorities of clients. */
export interface TlsSetup {
  readonly authority: Authority
  /** Issues certificates of operators. */
  readonly operators: Authority
  readonly token: string
  /** The certificate that the files have now. */
  current(): Certified
  /** Replaces certificate and key by new ones, each by a rename. */
  rotate(): Promise<Certified>
  /** Options of `serve`. */
  readonly serveArgs: readonly string[]
  /** Options of a client that trusts the authority and shows the token. */
  readonly clientArgs: readonly string[]
  readonly caFile: string
  readonly tokenFile: string
}

export async function tlsSetup(directory: string): Promise<TlsSetup> {
  const authority = newAuthority()
  const operators = newAuthority('operators')
  const token = 'the-admin-token-of-this-test'
  const file = (name: string) => join(directory, name)
  const [caFile, tokenFile] = [file('ca.pem'), file('admin.token')]
  const [cert, key, clientCa] = [file('tls.crt'), file('tls.key'), file('operators.pem')]
  await writeFile(caFile, authority.cert)
  await writeFile(clientCa, operators.cert)
  await writeFile(tokenFile, `${token}\n`)
  let current: Certified
  const replace = async (target: string, text: string) => {
    await writeFile(`${target}.new`, text)
    await rename(`${target}.new`, target)
  }
  const rotate = async () => {
    current = authority.issue()
    await replace(cert, current.cert)
    await replace(key, current.key)
    return current
  }
  await rotate()
  return {
    authority,
    operators,
    token,
    current: () => current,
    rotate,
    serveArgs: [
      ...['--tls-cert', cert, '--tls-key', key, '--tls-client-ca', clientCa],
      ...['--admin-token-file', tokenFile],
    ],
    clientArgs: ['--tls-ca', caFile, '--admin-token-file', tokenFile],
    caFile,
    tokenFile,
  }
}
