import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

/*
 * X.509 certificates (RFC 5280) as tests need them. node:crypto reads but does not write them, and what
 * openssl is installed differs: those of before 3.4 make no certificate that has expired already.
 */

const DAY_MS = 86_400_000

export interface Certified {
  /** PEM. */
  readonly cert: string
  /** PKCS#8 PEM. */
  readonly key: string
  /** As node:tls shows it. */
  readonly serialNumber: string
}

export interface LeafParts {
  readonly commonName?: string
  /** Names and IPv4 addresses. Default: 127.0.0.1 and localhost. */
  readonly names?: readonly string[]
  readonly usage?: 'server' | 'client'
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
}

export interface Authority {
  /** PEM. */
  readonly cert: string
  /** A certificate with a key of its own. */
  issue(parts?: LeafParts): Certified
}

/** An authority that nobody knows before. */
export function newAuthority(commonName = 'test authority'): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = extension(OID.basicConstraints, seq(der(0x01, Buffer.of(0xff))))
  const own = { subject: commonName, publicKey: pair.publicKey, extensions: [isAuthority] }
  const issuer = { commonName, key: pair.privateKey }
  return {
    cert: certificate(own, issuer).cert,
    issue(parts = {}) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const { names = ['127.0.0.1', 'localhost'], usage = 'server' } = parts
      const subject = {
        subject: parts.commonName ?? 'test leaf',
        publicKey,
        extensions: [
          extension(OID.keyUsage, seq(oid(usage === 'server' ? OID.serverAuth : OID.clientAuth))),
          extension(OID.altName, seq(...names.map(generalName))),
        ],
        ...parts,
      }
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      return { ...certificate(subject, issuer), key }
    },
  }
}

const OID = {
  commonName: [2, 5, 4, 3],
  altName: [2, 5, 29, 17],
  basicConstraints: [2, 5, 29, 19],
  keyUsage: [2, 5, 29, 37],
  serverAuth: [1, 3, 6, 1, 5, 5, 7, 3, 1],
  clientAuth: [1, 3, 6, 1, 5, 5, 7, 3, 2],
  ecdsaWithSha256: [1, 2, 840, 10045, 4, 3, 2],
} as const

function certificate(
  parts: {
    readonly subject: string
    readonly publicKey: KeyObject
    readonly extensions: readonly Buffer[]
    readonly notBeforeMs?: number
    readonly notAfterMs?: number
  },
  issuer: { readonly commonName: string; readonly key: KeyObject },
) {
  const { notBeforeMs = Date.now() - DAY_MS, notAfterMs = Date.now() + DAY_MS } = parts
  // Positive, and without a leading zero.
  const serial = Buffer.concat([Buffer.of(0x40), randomBytes(8)])
  const algorithm = seq(oid(OID.ecdsaWithSha256))
  const toSign = seq(
    der(0xa0, integer(Buffer.of(2))),
    integer(serial),
    algorithm,
    name(issuer.commonName),
    seq(time(notBeforeMs), time(notAfterMs)),
    name(parts.subject),
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, seq(...parts.extensions)),
  )
  const signed = seq(toSign, algorithm, bits(sign('sha256', toSign, issuer.key)))
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    serialNumber: serial.toString('hex').toUpperCase(),
  }
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const [high, low] = [length >> 8, length & 0xff]
  const header = length < 0x80 ? [length] : high === 0 ? [0x81, low] : [0x82, high, low]
  return Buffer.concat([Buffer.of(tag, ...header), content])
}

const seq = (...contents: readonly Buffer[]) => der(0x30, ...contents)
const integer = (bytes: Buffer) => der(0x02, bytes)
const bits = (bytes: Buffer) => der(0x03, Buffer.of(0), bytes)
const name = (text: string) =>
  seq(der(0x31, seq(oid(OID.commonName), der(0x0c, Buffer.from(text)))))
const extension = (id: readonly number[], value: Buffer) => seq(oid(id), der(0x04, value))
const generalName = (text: string) =>
  isIPv4(text) ? der(0x87, Buffer.from(text.split('.').map(Number))) : der(0x82, Buffer.from(text))

/** GeneralizedTime, to the second. */
function time(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*/g, '')}Z`))
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const base128 = (n: number): number[] =>
    n < 0x80 ? [n] : [...base128(n >> 7).map((byte) => byte | 0x80), n & 0x7f]
  return der(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}
