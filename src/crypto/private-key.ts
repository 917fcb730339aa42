import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { InputFileError } from '../core/errors.js'
import { SEED_BYTES } from '../core/key-lengths.js'
import { derElement, derSequence } from './formats/der.js'
import { readOpensshKey } from './formats/openssh.js'
import { type PemBlock, pemBlocks } from './formats/pem.js'

/** The content of a block, by its label. */
const DER_TYPES: Readonly<Record<string, 'pkcs8' | 'sec1' | 'pkcs1'>> = {
  'PRIVATE KEY': 'pkcs8',
  'EC PRIVATE KEY': 'sec1',
  'RSA PRIVATE KEY': 'pkcs1',
}
const PUBLIC_KEY = ', but a public key'
/** Blocks that people give by mistake. Other labels are not quoted. */
const OTHER_BLOCKS: Readonly<Record<string, string>> = {
  CERTIFICATE: ', but a certificate',
  'PUBLIC KEY': PUBLIC_KEY,
}
const ENCRYPTED = 'ENCRYPTED PRIVATE KEY'
const OPENSSH = 'OPENSSH PRIVATE KEY'

/**
 * The private key in the text of a file, of any algorithm: the first one in PEM (PKCS#8, SEC 1, PKCS#1 or OpenSSH's
 * format), or a JSON Web Key. `expected` tells the user what to give. Throws InputFileError, which names `file` and
 * says what it holds instead, and never quotes it.
 */
export function readPrivateKey(text: string, file: string, expected: string): KeyObject {
  const bare = text.replace(/^\ufeff/, '').trim()
  if (bare === '') {
    throw new InputFileError(file, `is empty; ${expected}`)
  }
  if (bare.startsWith('{')) {
    return fromJson(bare, file, expected)
  }
  if (/^(?:0x)?(?:[0-9a-f]{64}){1,2}$/i.test(bare)) {
    throw new InputFileError(file, `holds a key in hex, ${HEX_ADVICE.replaceAll('FILE', file)}`)
  }
  const blocks = pemBlocks(text)
  const block = blocks.find(({ label }) => / ?PRIVATE KEY$/.test(label))
  if (block === undefined) {
    const isSshPublic = /^(?:ssh-|ecdsa-sha2-)\S+ [\w+/=]+/.test(bare)
    const found = isSshPublic ? PUBLIC_KEY : (OTHER_BLOCKS[blocks[0]?.label ?? ''] ?? '')
    throw new InputFileError(file, `holds no private key in PEM${found}; ${expected}`)
  }
  return fromBlock(block, file, expected)
}

/** A private key for TLS as PKCS#8 in PEM, which every release of Node accepts. Throws InputFileError. */
export function privateKeyOfTls(text: string, file: string): string {
  const expected = 'expected one private key in PEM, without a passphrase'
  return readPrivateKey(text, file, expected).export({ type: 'pkcs8', format: 'pem' }).toString()
}

const HEX_ADVICE =
  'which does not say of which kind: of an Ed25519 seed, "(echo 302e020100300506032b657004220420; ' +
  'head -c 64 FILE) | xxd -r -p | openssl pkey -inform DER -out owner.key" makes PEM; of a P-256 secret, ' +
  '"(echo 30310201010420; head -c 64 FILE; echo a00a06082a8648ce3d030107) | xxd -r -p | ' +
  'openssl ec -inform DER -out owner.key"'

function fromBlock(block: PemBlock, file: string, expected: string): KeyObject {
  const { label, der } = block
  if (label === ENCRYPTED || block.hasEncryptedHeader) {
    throw new InputFileError(
      file,
      `is encrypted: decrypt it first, as with "openssl pkey -in ${file} -out owner.key"`,
    )
  }
  if (der === null) {
    throw new InputFileError(file, `holds a private key that is cut short or damaged; ${expected}`)
  }
  if (label === OPENSSH) {
    return fromOpenssh(der, file, expected)
  }
  const type = DER_TYPES[label]
  if (type === undefined) {
    throw new InputFileError(file, `holds a private key of a kind that cannot be used; ${expected}`)
  }
  const key = type === 'pkcs8' ? asVersion1(der) : der
  try {
    return createPrivateKey({ key: Buffer.from(key), format: 'der', type })
  } catch {
    // Without its cause: OpenSSL may quote the key.
    throw new InputFileError(file, `holds a private key that cannot be read; ${expected}`)
  }
}

/**
 * The same key as PKCS#8 version 1, without the public key that version 2 may have (RFC 5958 section 2, RFC 8410 section
 * 10.3): OpenSSL 3.0, and so Node 20, cannot read version 2.
 */
function asVersion1(pkcs8: Uint8Array): Uint8Array {
  const contents = derElement(pkcs8)?.contents ?? new Uint8Array()
  const isVersion2 = Buffer.compare(contents.subarray(0, 3), Uint8Array.of(2, 1, 1)) === 0
  const algorithm = derElement(contents.subarray(3))?.whole
  const key = algorithm && derElement(contents.subarray(3 + algorithm.length))?.whole
  return isVersion2 && algorithm && key
    ? derSequence(Buffer.concat([Uint8Array.of(2, 1, 0), algorithm, key]))
    : pkcs8
}

function fromOpenssh(bytes: Uint8Array, file: string, expected: string): KeyObject {
  const key = readOpensshKey(bytes)
  switch (key?.type) {
    case 'ed25519':
      return fromJwk(ed25519Jwk(key.seed))
    case 'p256':
      if (p256.utils.isValidSecretKey(key.secret)) {
        return fromJwk(p256Jwk(key.secret))
      }
      break
    case 'encrypted':
      throw new InputFileError(
        file,
        `is an encrypted OpenSSH key: take the passphrase off a copy, as with "cp ${file} owner.key; ssh-keygen -p -N '' -f owner.key"`,
      )
    case 'other':
      throw new InputFileError(
        file,
        `is an OpenSSH key of type ${key.name}, which cannot be used; ${expected}`,
      )
  }
  throw new InputFileError(file, `holds an OpenSSH key that is damaged; ${expected}`)
}

/** RFC 8037 section 2, RFC 7518 section 6.2. */
function fromJson(text: string, file: string, expected: string): KeyObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Without its cause: a syntax error of JSON.parse quotes what it read.
    throw new InputFileError(file, `holds no private key, but something like JSON; ${expected}`)
  }
  const jwk = parsed as JsonWebKey
  if (typeof jwk.kty !== 'string' || typeof jwk.d !== 'string') {
    const found =
      jwk.kty === undefined
        ? 'JSON that is no JSON Web Key'
        : 'a JSON Web Key without a private part'
    throw new InputFileError(file, `holds no private key, but ${found}; ${expected}`)
  }
  const secret = Uint8Array.from(Buffer.from(jwk.d, 'base64url'))
  const own = OWN_JWK[jwk.crv ?? '']?.(secret)
  if (own === undefined) {
    throw new InputFileError(file, `holds a JSON Web Key that cannot be used; ${expected}`)
  }
  // Made anew from the private half: Node accepts two halves that do not match, and aborts on a secret that is too long.
  if (own === null || own.x !== jwk.x || own.y !== jwk.y) {
    throw new InputFileError(file, `holds a JSON Web Key that is damaged; ${expected}`)
  }
  return fromJwk(own)
}

/** By the name of the curve. null: this is no private key of it. */
const OWN_JWK: Readonly<Record<string, (secret: Uint8Array) => JsonWebKey | null>> = {
  Ed25519: (secret) => (secret.length === SEED_BYTES ? ed25519Jwk(secret) : null),
  'P-256': (secret) => (p256.utils.isValidSecretKey(secret) ? p256Jwk(secret) : null),
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPrivateKey({ key, format: 'jwk' })
}

export function ed25519Jwk(seed: Uint8Array): JsonWebKey {
  const x = base64url(ed25519.getPublicKey(seed))
  return { kty: 'OKP', crv: 'Ed25519', d: base64url(seed), x }
}

export function p256Jwk(secret: Uint8Array): JsonWebKey {
  const point = p256.getPublicKey(secret, false)
  return {
    kty: 'EC',
    crv: 'P-256',
    d: base64url(secret),
    x: base64url(point.subarray(1, 33)),
    y: base64url(point.subarray(33)),
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
