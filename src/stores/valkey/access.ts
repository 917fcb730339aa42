import { createSecureContext, type SecureContext } from 'node:tls'
import { InputFileError } from '../../core/errors.js'
import { certificateWithKey, trustedCertificates } from '../../crypto/certificates.js'
import { readInputText } from '../../files/read.js'
import type { StoreAccess, StoreHooks, StorePlace } from '../engine.js'
import { readEngineAddress } from './connection/address.js'
import type { ClusterSettings } from './connection/cluster.js'

/** How the engine is reached, as the configuration says it. Reads the files that it names. Throws InputFileError. */
export function accessSettings(
  { kind, address, access }: StorePlace,
  hooks: Pick<StoreHooks, 'onTlsUnread'> = {},
): Omit<ClusterSettings, 'shards' | 'library'> {
  const { isTls, ...where } = readEngineAddress(kind, address)
  const { passwordFile, replicas, timeoutMs, nat } = access
  const password = () => (passwordFile === null ? null : readPassword(passwordFile))
  // A file that cannot be read is found now, and not when the first connection needs it.
  password()
  const tls = isTls ? replaceableTls(access, hooks) : null
  return { ...where, replicas, timeoutMs, nat, password, tls }
}

/** The text of the file, without the end of its line. */
function readPassword(file: string): string {
  const password = readInputText(file).replace(/\r?\n$/, '')
  if (password === '' || /[\r\n]/.test(password)) {
    throw new InputFileError(file, 'must hold one line: the password of the engine')
  }
  return password
}

/**
 * What the files say at each call. Certificate and key are often replaced one after the other: until they match, what they said
 * before is used.
 */
function replaceableTls(
  access: StoreAccess,
  { onTlsUnread }: Pick<StoreHooks, 'onTlsUnread'>,
): () => SecureContext {
  let last = readTls(access)
  let told = ''
  return () => {
    try {
      last = readTls(access)
      told = ''
    } catch (error) {
      const reason = error as Error
      if (reason.message !== told) {
        told = reason.message
        onTlsUnread?.(reason)
      }
    }
    return last
  }
}

function readTls({ caFile, clientFiles }: StoreAccess): SecureContext {
  const read = (file: string) => ({ file, text: readInputText(file) })
  const ca = caFile === null ? {} : { ca: trustedCertificates(readInputText(caFile), caFile) }
  if (clientFiles === null) {
    return createSecureContext({ ...ca, minVersion: 'TLSv1.2' })
  }
  const pair = certificateWithKey(read(clientFiles.cert), read(clientFiles.key))
  try {
    return createSecureContext({ ...ca, ...pair, minVersion: 'TLSv1.2' })
  } catch (error) {
    const problem = `is not taken for TLS: ${(error as Error).message}`
    throw new InputFileError(clientFiles.cert, problem, error)
  }
}
