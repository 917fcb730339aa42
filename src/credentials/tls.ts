import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Config } from '../config/serve-options.js'
import { InputFileError } from '../core/errors.js'
import { certificateChain, trustedCertificates } from '../crypto/certificates.js'
import { privateKeyOfTls } from '../crypto/private-key.js'
import { readInputText } from '../files/read.js'
import { watchFiles } from '../files/watch.js'
import { backgroundInterval } from '../net/background-timers.js'
import type { Lifecycle } from '../net/lifecycle.js'
import type { Logger } from '../observability/log.js'

/** Certificates are renewed a month before their end; by then something has gone wrong with it. */
const EXPIRY_WARNING_MS = 14 * 86_400_000
const EXPIRY_CHECK_INTERVAL_MS = 86_400_000

/** What TLS is served with, PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** null: client certificates are not asked for. */
  readonly clientCa: string | null
}

/** What a listener's secure context is made from. */
export interface TlsContext {
  /** PEM, the server's own certificate first. */
  readonly cert: Buffer
  /** PEM. */
  readonly key: Buffer
  /** PEM; absent where client certificates are not asked for. */
  readonly ca?: Buffer
  readonly minVersion: 'TLSv1.2'
}

/** The TLS of every listener, as the files say. */
export interface Tls {
  current(): TlsContext
  /**
   * Client certificates are asked for, and calls without one go on: it is for each service to say what it
   * takes.
   */
  readonly asking: { readonly requestCert: boolean; readonly rejectUnauthorized: false }
  /** Told of each context that takes the place of the last. */
  onChange(listener: (context: TlsContext) => void): void
  close(): void
}

/** The TLS of the configuration, until the server ends; null: none. Throws InputFileError. */
export function openTls(
  { tlsCert, tlsKey, tlsClientCa }: Pick<Config, 'tlsCert' | 'tlsKey' | 'tlsClientCa'>,
  log: Logger,
  lifecycle: Lifecycle,
): Tls | null {
  if (tlsCert === null || tlsKey === null) {
    return null
  }
  const tls = watchTls({ cert: tlsCert, key: tlsKey, clientCa: tlsClientCa }, log)
  lifecycle.add(() => tls.close())
  return tls
}

/**
 * Follows the files. Certificate and key are often replaced one after the other: until both belong to
 * each other the earlier ones stay. Throws InputFileError where they do not at the start.
 */
export function watchTls(
  files: TlsFiles,
  log: Logger,
  { every = backgroundInterval, nowMs = Date.now } = {},
): Tls {
  const listeners: ((context: TlsContext) => void)[] = []
  const paths = [files.cert, files.key, ...(files.clientCa === null ? [] : [files.clientCa])]
  const watched = watchFiles(
    paths,
    () => readTls(files),
    (outcome) => {
      if ('error' in outcome) {
        const reason = (outcome.error as Error).message
        log.warn({ event: 'tls-not-read', reason }, 'the earlier certificate stays')
        return
      }
      const { serialNumber, validTo } = new X509Certificate(outcome.value.cert)
      log.info({ event: 'tls-read', serialNumber, validTo }, 'new connections get this certificate')
      warnOfExpiry()
      for (const listener of listeners) {
        listener(outcome.value)
      }
    },
    { every },
  )
  const warnOfExpiry = () => {
    const { validTo } = new X509Certificate(watched.current().cert)
    if (Date.parse(validTo) - nowMs() < EXPIRY_WARNING_MS) {
      log.warn(
        { event: 'tls-expires', file: files.cert, validTo },
        'clients refuse the certificate from then on: renew it',
      )
    }
  }
  warnOfExpiry()
  const stopWarnings = every(EXPIRY_CHECK_INTERVAL_MS, warnOfExpiry)
  return {
    current: () => watched.current(),
    asking: { requestCert: files.clientCa !== null, rejectUnauthorized: false },
    onChange: (listener) => listeners.push(listener),
    close() {
      watched.close()
      stopWarnings()
    },
  }
}

/** Reads certificate, key and authorities, and makes sure that they fit. Throws InputFileError. */
function readTls({ cert, key, clientCa }: TlsFiles): TlsContext {
  const context: TlsContext = {
    ...readKeyPair(cert, key),
    ...(clientCa !== null && { ca: readCertificates(clientCa) }),
    minVersion: 'TLSv1.2',
  }
  try {
    createSecureContext(context)
  } catch (error) {
    throw new InputFileError(cert, `is not taken for TLS: ${(error as Error).message}`, error)
  }
  return context
}

/** A certificate chain and its private key, PEM. Throws InputFileError, never with what is in the key. */
export function readKeyPair(cert: string, key: string): { cert: Buffer; key: Buffer } {
  const chain = certificateChain(readInputText(cert), cert)
  const privateKey = privateKeyOfTls(readInputText(key), key)
  if (!new X509Certificate(chain[0] ?? '').checkPrivateKey(createPrivateKey(privateKey))) {
    throw new InputFileError(key, `is not the key of the certificate in ${cert}`)
  }
  return { cert: Buffer.from(chain.join('')), key: Buffer.from(privateKey) }
}

/** The certificates of a file, PEM, without what else stands in it. Throws InputFileError. */
export function readCertificates(file: string): Buffer {
  return Buffer.from(trustedCertificates(readInputText(file), file))
}
