import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Config } from '../config/serve-options.js'
import { InputFileError } from '../core/errors.js'
import { certificateWithKey, trustedCertificates } from '../crypto/certificates.js'
import { readInputText } from '../files/read.js'
import { watchFiles } from '../files/watch.js'
import { backgroundInterval } from '../net/background-timers.js'
import type { Lifecycle } from '../net/lifecycle.js'
import type { Logger } from '../observability/log.js'

/** Renewal is usual a month before expiry, so by now it has failed. */
const EXPIRY_WARNING_MS = 14 * 86_400_000
const EXPIRY_CHECK_INTERVAL_MS = 86_400_000

/** The files for TLS, PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** null: the server requests no client certificates. */
  readonly clientCa: string | null
}

/** The parts of a listener's secure context. */
export interface TlsContext {
  /** PEM, the server's own certificate first. */
  readonly cert: Buffer
  /** PEM. */
  readonly key: Buffer
  /** PEM; absent where the server requests no client certificates. */
  readonly ca?: Buffer
  readonly minVersion: 'TLSv1.2'
}

/** TLS for every listener, as the files say. */
export interface Tls {
  current(): TlsContext
  /**
   * The server requests a client certificate and lets connections without one go on: each service decides what it
   * accepts.
   */
  readonly asking: { readonly requestCert: boolean; readonly rejectUnauthorized: false }
  /** Calls the listener with each new context. */
  onChange(listener: (context: TlsContext) => void): void
  close(): void
}

/** Opens the TLS of the configuration until the server ends; null where there is none. Throws InputFileError. */
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
 * Watches the files. Certificate and key are often replaced one after the other: until they match, the earlier ones stay
 * in use. Throws InputFileError where they do not match at the start.
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

/** Reads certificate, key and authorities, and checks that they match. Throws InputFileError. */
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

/** Reads a certificate chain and its private key, PEM. Throws InputFileError, which never quotes the key. */
export function readKeyPair(cert: string, key: string): { cert: Buffer; key: Buffer } {
  const [certText, keyText] = [readInputText(cert), readInputText(key)]
  return certificateWithKey({ file: cert, text: certText }, { file: key, text: keyText })
}

/** Reads the certificates of a file, PEM, and nothing else in it. Throws InputFileError. */
export function readCertificates(file: string): Buffer {
  return Buffer.from(trustedCertificates(readInputText(file), file))
}
