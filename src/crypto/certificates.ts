import { X509Certificate } from 'node:crypto'
import { InputFileError } from '../core/errors.js'
import { derElement } from './der.js'
import { pemBlocks, pemText } from './pem.js'

const CERTIFICATE = 'CERTIFICATE'
/** Names that OpenSSL knows for it; the second carries what the certificate is trusted for. */
const LABELS: ReadonlySet<string> = new Set([
  CERTIFICATE,
  'TRUSTED CERTIFICATE',
  'X509 CERTIFICATE',
])

/** The certificates of a text in PEM that show who somebody is, his own first. Throws InputFileError. */
export function certificateChain(text: string, file: string): string[] {
  // What else `openssl x509 -trustout` says is for who trusts it, not for who shows it.
  return certificatesIn(text, file).map(({ der }) =>
    pemText(CERTIFICATE, derElement(der)?.whole ?? der),
  )
}

/** The certificates of a text in PEM that are trusted, for what they say. Throws InputFileError. */
export function trustedCertificates(text: string, file: string): string {
  return certificatesIn(text, file)
    .map(({ label, der }) => pemText(label, der))
    .join('')
}

function certificatesIn(
  text: string,
  file: string,
): { readonly label: string; readonly der: Uint8Array }[] {
  const blocks = pemBlocks(text).filter(({ label }) => LABELS.has(label))
  if (blocks.length === 0) {
    throw new InputFileError(file, 'must hold certificates in PEM, and holds none')
  }
  return blocks.map(({ label, der }, i) => {
    if (der === null) {
      throw new InputFileError(file, 'holds a certificate that is cut short')
    }
    try {
      new X509Certificate(pemText(label, der))
    } catch (error) {
      throw new InputFileError(file, `certificate ${i + 1} in it cannot be read`, error)
    }
    return { label, der }
  })
}
