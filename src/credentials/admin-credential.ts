import type { Config } from '../config/serve-options.js'
import { bearerToken, type ClientCertificate } from '../core/operators/credential.js'
import type { OperatorCredential } from '../core/operators/trust.js'
import { watchFiles } from '../files/watch.js'
import type { Lifecycle } from '../net/lifecycle.js'
import type { Logger } from '../observability/log.js'
import { Secret } from './secret.js'
import { readTokenFile } from './token-file.js'

const MAX_NAME_CHARS = 256

/** What a server without a credential advises whoever needs one. */
export const CREDENTIAL_ADVICE = 'start the server with --admin-token-file or --tls-client-ca'

/**
 * The admin credential: the token of a file, which is watched, or a client certificate that a configured authority signed.
 * null where neither is configured. Throws InputFileError.
 */
export function openAdminCredential(
  { adminTokenFile, tlsClientCa }: Pick<Config, 'adminTokenFile' | 'tlsClientCa'>,
  log: Logger,
  lifecycle: Lifecycle,
): OperatorCredential | null {
  const takesCertificates = tlsClientCa !== null
  if (adminTokenFile === null && !takesCertificates) {
    return null
  }
  const isToken = adminTokenFile === null ? () => false : watchToken(adminTokenFile, log, lifecycle)
  return {
    proofOf({ authorization, certificate }) {
      // Compared also where no token is shown, so that the time it takes tells nothing.
      if (isToken(bearerToken(authorization) ?? '')) {
        return 'admin token'
      }
      return certificate === undefined ? null : `client certificate ${nameOf(certificate)}`
    },
    wanted: [
      ...(adminTokenFile === null
        ? []
        : [
            'the admin token, as "authorization: Bearer TOKEN" (commands: --admin-token-file FILE)',
          ]),
      ...(takesCertificates ? ['a client certificate of an authority that this server knows'] : []),
    ].join(', or '),
  }
}

function watchToken(file: string, log: Logger, lifecycle: Lifecycle): (given: string) => boolean {
  const token = watchFiles(
    [file],
    () => new Secret(readTokenFile(file)),
    (outcome) => {
      if ('error' in outcome) {
        const reason = (outcome.error as Error).message
        log.error({ event: 'admin-token-not-read', reason }, 'the earlier admin token stays')
      } else {
        log.info({ event: 'admin-token-read' }, 'the admin token was read anew')
      }
    },
  )
  lifecycle.add(() => token.close())
  return (given) => token.current().matches(given)
}

function nameOf({ subject, subjectaltname }: ClientCertificate): string {
  const { CN } = subject
  const name = CN === undefined ? (subjectaltname ?? '') : `CN=${[CN].flat().join(',')}`
  return name.slice(0, MAX_NAME_CHARS)
}
