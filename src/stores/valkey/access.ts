import { X509Certificate } from 'node:crypto'
import { InputFileError } from '../../core/errors.js'
import { readInput, readInputText } from '../../files/read.js'
import type { StorePlace } from '../engine.js'
import { readEngineAddress } from './connection/address.js'
import type { ClusterSettings } from './connection/cluster.js'

/** How the engine is reached, as the configuration says it. Reads the files that it names. Throws InputFileError. */
export function accessSettings({
  kind,
  address,
  access,
}: StorePlace): Omit<ClusterSettings, 'shards' | 'library'> {
  const { isTls, ...where } = readEngineAddress(kind, address)
  const { passwordFile, caFile, replicas, timeoutMs, nat } = access
  const password = () => (passwordFile === null ? null : readPassword(passwordFile))
  // A file that cannot be read is found now, and not when the first connection needs it.
  password()
  const tls = isTls ? { ca: caFile === null ? null : readAuthorities(caFile) } : null
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

function readAuthorities(file: string): Buffer {
  const pem = readInput(file)
  try {
    new X509Certificate(pem)
  } catch (error) {
    throw new InputFileError(file, 'does not begin with a certificate, PEM', error)
  }
  return pem
}
