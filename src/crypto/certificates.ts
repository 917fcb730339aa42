import { createPrivateKey, X509Certificate } from 'node:crypto'
import { InputFileError } from '../core/errors.js'
import { pemBlocks, pemText } from './formats/pem.js'
import { privateKeyOfTls } from './private-key.js'

const CERTIFICATE = 'CERTIFICATE'
/** The labels that OpenSSL knows. The second also says what the certificate is trusted for. */
const LABELS: ReadonlySet<string> = new Set([
  CERTIFICATE,
  'TRUSTED CERTIFICATE',
  'X509 CERTIFICATE',
])

/** The certificates of a text in PEM that show who somebody is, its own first. Throws InputFileError. */
export function certificateChain(text: string, file: string): string[] {
  // Without what `openssl x509 -trustout` adds: that is for whoever trusts it.
  return certificatesIn(text, file).map(({ certificate }) => pemText(CERTIFICATE, certificate.raw))
}

/** The certificates of a text in PEM that are trusted, with what they are trusted for. Throws InputFileError. */
export function trustedCertificates(text: string, file: string): string {
  return certificatesIn(text, file)
    .map(({ pem }) => pem)
    .join('')
}

/** A file and the text in it. */
export interface FileText {
  readonly file: string
  readonly text: string
}

/**
 * A certificate chain and its private key, both PEM, as TLS takes them. Throws InputFileError, also where they do not belong
 * together; it never quotes the key.
 */
export function certificateWithKey(cert: FileText, key: FileText): { cert: Buffer; key: Buffer } {
  const chain = certificateChain(cert.text, cert.file)
  const privateKey = privateKeyOfTls(key.text, key.file)
  if (!new X509Certificate(chain[0] ?? '').checkPrivateKey(createPrivateKey(privateKey))) {
    throw new InputFileError(key.file, `is not the key of the certificate in ${cert.file}`)
  }
  return { cert: Buffer.from(chain.join('')), key: Buffer.from(privateKey) }
}

function certificatesIn(
  text: string,
  file: string,
): { readonly pem: string; readonly certificate: X509Certificate }[] {
  const blocks = pemBlocks(text).filter(({ label }) => LABELS.has(label))
  if (blocks.length === 0) {
    throw new InputFileError(file, 'must hold certificates in PEM, and holds none')
  }
  return blocks.map(({ label, der }, i) => {
    if (der === null) {
      throw new InputFileError(file, 'holds a certificate that is cut short')
    }
    const pem = pemText(label, der)
    try {
      return { pem, certificate: new X509Certificate(pem) }
    } catch (error) {
      throw new InputFileError(file, `certificate ${i + 1} in it cannot be read`, error)
    }
  })
}
