import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import { certificateChain, trustedCertificates } from '../../../src/crypto/certificates.js'
import { pemText } from '../../../src/crypto/formats/pem.js'
import { newAuthority } from '../../support/certificates.js'

const authority = newAuthority()
const leaf = authority.issue().cert
/** As `openssl x509 -trustout` writes it: the certificate, then what it is trusted for. Here for nothing at all. */
const trusted = pemText(
  'TRUSTED CERTIFICATE',
  Buffer.concat([new X509Certificate(authority.cert).raw, Buffer.of(0x30, 0)]),
)

it('a chain is shown without what its certificates are trusted for, in its order', () => {
  const ours = (pem: string) => new X509Certificate(pem).toString()
  expect(certificateChain(`${leaf}text\n${trusted}`, 'f')).toEqual([leaf, authority.cert].map(ours))
})

it('trusted certificates keep what they are trusted for', () => {
  expect(trustedCertificates(`text\n${trusted}`, 'f')).toBe(trusted)
})

it.each([
  ['no PEM', 'text', 'holds none'],
  ['a key alone', authority.issue().key, 'holds none'],
  ['a certificate cut short', leaf.slice(0, -40), 'cut short'],
  ['a certificate of other bytes', leaf + pemText('CERTIFICATE', Buffer.of(1)), 'certificate 2'],
])('%s is refused by the name of the file', (_, text, problem) => {
  for (const read of [certificateChain, trustedCertificates]) {
    expect(() => read(text, '/etc/tls.pem')).toThrow(InputFileError)
    expect(() => read(text, '/etc/tls.pem')).toThrow(/^\/etc\/tls\.pem: /)
    expect(() => read(text, '/etc/tls.pem')).toThrow(problem)
  }
})
