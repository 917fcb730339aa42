import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { p256 } from '@noble/curves/nist.js'
import { hex } from '@scure/base'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InputFileError } from '../../../src/core/errors.js'
import {
  generateKey,
  ownerIdOf,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyToPem,
  signerOf,
} from '../../../src/crypto/keys.js'
import { n3Account } from '../../../src/crypto/n3.js'
import { nodeEd25519 } from '../../../src/crypto/node-ed25519.js'
import { p256PublicKey } from '../../../src/crypto/p256.js'
import { schemeVerifier } from '../../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../../src/crypto/sodium.js'
import { newAuthority } from '../../support/certificates.js'
import { RFC_8410_VERSION_2 } from '../../support/private-keys.js'
import { temporaryDirectory } from '../../support/process.js'
import { haveTool } from '../../support/tools.js'

const types = ['ed25519', 'p256'] as const

const nobleP256 = {
  verify: (key: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
    p256.verify(signature, message, key, { lowS: false }),
}

const bytesOf = (key: PrivateKey) => (key.type === 'ed25519' ? key.seed : key.secret)

const publicKeyOf = (key: PrivateKey) =>
  key.type === 'ed25519'
    ? Uint8Array.from(sodiumEd25519.publicKey(key.seed))
    : p256PublicKey(key.secret)

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(InputFileError)
    return inspect(error, { depth: 9 })
  }
  throw new Error('it was accepted')
}

describe.each(types)('a private key of type %s', (type) => {
  it('is new each time, 32 bytes', () => {
    const [one, two] = [generateKey(type), generateKey(type)]
    expect(one.type).toBe(type)
    expect(bytesOf(one)).toHaveLength(32)
    expect(one).not.toEqual(two)
  })

  it('survives its PEM', () => {
    const key = generateKey(type)
    const pem = privateKeyToPem(key)
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
    expect(privateKeyFromPem(pem, 'f')).toEqual(key)
    expect(privateKeyFromPem(pem.replaceAll('\n', '\r\n'), 'f')).toEqual(key)
  })

  it('signs in a form that the protocol knows, by every implementation', () => {
    const { publicKey, sign } = signerOf(generateKey(type))
    for (let i = 0; i < 100; i++) {
      const message = Buffer.from(`message ${i}`)
      const signature = sign(message)
      expect(signature).toHaveLength(64)
      expect(schemeVerifier(nodeEd25519)(publicKey, signature, message)).toBe(true)
      const other = type === 'ed25519' ? sodiumEd25519 : nobleP256
      expect(other.verify(publicKey, message, signature)).toBe(true)
    }
  })
})

it('an Ed25519 key is read from and written as RFC 8410 section 10.3', () => {
  const pem =
    '-----BEGIN PRIVATE KEY-----\n' +
    'MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n' +
    '-----END PRIVATE KEY-----\n'
  const key = privateKeyFromPem(pem, 'f')
  expect(key).toEqual({
    type: 'ed25519',
    seed: hex.decode('d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842'),
  })
  expect(privateKeyToPem(key)).toBe(pem)
  // Its public half, from section 10.1.
  expect(hex.encode(ownerIdOf(key))).toBe(
    '19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1',
  )
})

it('a P-256 key is read from a JSON Web Key', () => {
  const key = generateKey('p256')
  const jwk = createPrivateKey(privateKeyToPem(key)).export({ format: 'jwk' })
  expect(privateKeyFromPem(JSON.stringify(jwk), 'f')).toEqual(key)
})

it('an owner id is the Ed25519 key itself, or the N3 account of the P-256 key', () => {
  const [ed25519, p256] = types.map(generateKey) as [PrivateKey, PrivateKey]
  expect(ownerIdOf(ed25519)).toEqual(publicKeyOf(ed25519))
  expect(ownerIdOf(p256)).toEqual(n3Account(publicKeyOf(p256)))
})

const RFC_8410_SEED = 'd4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842'
const RFC_8410_JWK = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: Buffer.from(
    '19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1',
    'hex',
  ).toString('base64url'),
  d: Buffer.from(RFC_8410_SEED, 'hex').toString('base64url'),
}
const certificate = newAuthority().cert

it.each([
  ['as it stands in RFC 8410', RFC_8410_VERSION_2],
  ['with blanks at the ends of lines', RFC_8410_VERSION_2.replaceAll('\n', ' \t\n')],
  ['with blanks before its lines', RFC_8410_VERSION_2.replaceAll('\n', '\n  ')],
  ['with the line ends of Windows', RFC_8410_VERSION_2.replaceAll('\n', '\r\n')],
  ['with a byte order mark', `\ufeff${RFC_8410_VERSION_2}`],
  ['without a line end', RFC_8410_VERSION_2.trimEnd()],
  ['with text around it', `Key: mine\n# not ENCRYPTED\n${RFC_8410_VERSION_2}the end\n`],
  ['after a certificate', `${certificate}${RFC_8410_VERSION_2}`],
  ['as a JSON Web Key', `\ufeff${JSON.stringify({ ...RFC_8410_JWK, kid: 'mine' }, null, 2)}`],
])('an Ed25519 key with its public key is read %s', (_name, text) => {
  const key = { type: 'ed25519', seed: hex.decode(RFC_8410_SEED) }
  expect(privateKeyFromPem(text, 'f')).toEqual(key)
})

const P256_JWK = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: RFC_8410_JWK.d }
const legacyHeaders = 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n'
it.each([
  ['nothing but blanks', ' \n', 'is empty'],
  ['a seed in hex', RFC_8410_SEED, 'holds a key in hex'],
  ['a seed and its public key in hex', `0x${RFC_8410_SEED.repeat(2)}\n`, 'holds a key in hex'],
  ['a certificate', certificate, 'holds no private key in PEM, but a certificate'],
  [
    'a public key of OpenSSH',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZdsixo me@here\n',
    'holds no private key in PEM, but a public key',
  ],
  [
    'a PEM cut short',
    RFC_8410_VERSION_2.slice(0, -40),
    'holds a private key that is cut short or damaged',
  ],
  [
    'an encrypted key of the older form',
    RFC_8410_VERSION_2.replaceAll(' PRIVATE', ' EC PRIVATE').replace('\n', `\n${legacyHeaders}`),
    'is encrypted: decrypt it first, as with "openssl pkey -in /etc/owner.key',
  ],
  ['JSON', '{ "keys": [] }', 'but JSON that is no JSON Web Key'],
  ['JSON cut short', `{ "d": "${RFC_8410_JWK.d}`, 'but something like JSON'],
  [
    'a public JSON Web Key',
    JSON.stringify({ ...RFC_8410_JWK, d: undefined }),
    'but a JSON Web Key without a private part',
  ],
  [
    'a JSON Web Key of two halves that do not fit',
    JSON.stringify({ ...RFC_8410_JWK, x: RFC_8410_JWK.d }),
    'holds a JSON Web Key that is damaged',
  ],
  [
    'a JSON Web Key whose secret is too short',
    JSON.stringify({ ...RFC_8410_JWK, d: RFC_8410_JWK.d.slice(0, 8) }),
    'holds a JSON Web Key that is damaged',
  ],
  [
    'a JSON Web Key whose secret is no scalar',
    JSON.stringify({ ...P256_JWK, d: 'AA' }),
    'holds a JSON Web Key that is damaged',
  ],
  [
    'a JSON Web Key of another curve',
    JSON.stringify({ ...RFC_8410_JWK, crv: 'X25519' }),
    'holds a JSON Web Key that cannot be used',
  ],
  [
    'a JSON Web Key of no curve',
    JSON.stringify({ kty: 'RSA', d: 'AA' }),
    'holds a JSON Web Key that cannot be used',
  ],
  [
    'a PEM of another kind',
    RFC_8410_VERSION_2.replaceAll(' PRIVATE', ' DSA PRIVATE'),
    'holds a private key of a kind that cannot be used',
  ],
  [
    'an OpenSSH file that is none',
    RFC_8410_VERSION_2.replaceAll(' PRIVATE', ' OPENSSH PRIVATE'),
    'holds an OpenSSH key that is damaged',
  ],
  ['a JSON Web Key without a point', JSON.stringify(P256_JWK), 'JSON Web Key that is damaged'],
])('a private key is refused from %s, which is named', (_name, text, problem) => {
  const shown = refusal(() => privateKeyFromPem(text, '/etc/owner.key'))
  expect(shown).toContain('/etc/owner.key: ')
  expect(shown).toContain(problem)
  expect(shown).not.toContain(RFC_8410_SEED.slice(0, 16))
  expect(shown).not.toContain(RFC_8410_JWK.d.slice(0, 16))
})

describe.runIf(haveTool('ssh-keygen', ['ssh', '-V']))('ssh-keygen', () => {
  async function keygen(...args: string[]): Promise<{ text: string; publicKey: Buffer }> {
    const file = join(await temporaryDirectory(onTestFinished), 'id')
    execFileSync('ssh-keygen', ['-q', '-C', 'not ENCRYPTED', '-f', file, ...args])
    const [, encoded = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ')
    return { text: await readFile(file, 'utf8'), publicKey: Buffer.from(encoded, 'base64') }
  }

  it.each([
    ['ed25519', ['-t', 'ed25519']],
    ['p256', ['-t', 'ecdsa', '-b', '256']],
  ])('writes %s keys that are read here', async (type, args) => {
    const { text, publicKey } = await keygen('-N', '', ...args)
    const key = privateKeyFromPem(text.replaceAll('\n', ' \r\n'), 'f')
    expect(key.type).toBe(type)
    expect(publicKey.includes(Buffer.from(publicKeyOf(key).subarray(-32)))).toBe(true)
  })

  it.each([
    ['an encrypted key', ['-N', 'secret', '-t', 'ed25519'], 'is an encrypted OpenSSH key'],
    ['a P-384 key', ['-N', '', '-t', 'ecdsa', '-b', '384'], 'of type ecdsa-sha2-nistp384'],
  ])('writes what is refused here: %s', async (_name, args, problem) => {
    const { text } = await keygen(...args)
    expect(refusal(() => privateKeyFromPem(text, 'f'))).toContain(problem)
    const damaged = text.split('\n').toSpliced(3, 1).join('\n')
    expect(refusal(() => privateKeyFromPem(damaged, 'f'))).toContain('f: ')
  })
})

const pkcs8 = (der: string) =>
  `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der, 'hex').toString('base64')}\n-----END PRIVATE KEY-----\n`
const P256_PKCS8 = '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420'

it.each([
  ['nothing', ''],
  ['prose', 'not a key'],
  ['a PEM without content', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n'],
  ['an Ed25519 key cut short', pkcs8('302e020100300506032b657004220420d4ee72db')],
  ['the P-256 secret 0', pkcs8(P256_PKCS8 + '00'.repeat(32))],
  ['a P-256 secret over the order', pkcs8(P256_PKCS8 + 'ff'.repeat(32))],
])('is refused from %s, by the name of the file', (_name, pem) => {
  const shown = refusal(() => privateKeyFromPem(pem, '/etc/owner.key'))
  expect(shown).toContain('/etc/owner.key')
  expect(shown).toContain('expected an Ed25519 or P-256 key')
})

describe.runIf(haveTool('openssl', ['openssl', 'version']))('openssl', () => {
  const openssl = (command: string, input = '') =>
    execFileSync('openssl', command.split(' '), { input, stdio: ['pipe', 'pipe', 'ignore'] })

  it.each([
    ['ed25519', 'genpkey -algorithm ed25519'],
    ['p256', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256'],
    ['p256', 'ecparam -name prime256v1 -genkey -noout'],
    ['p256', 'ecparam -name prime256v1 -genkey'],
  ])('writes %s keys that are read here: %s', (type, command) => {
    const pem = openssl(command).toString()
    const key = privateKeyFromPem(pem, 'f')
    expect(key.type).toBe(type)
    const spki = openssl('pkey -pubout -outform DER', pem)
    // The key itself, or a point's x.
    expect(spki.includes(Buffer.from(publicKeyOf(key).subarray(-32)))).toBe(true)
  })

  it.each(types)('reads %s keys that are written here', (type) => {
    const key = generateKey(type)
    const shown = openssl('pkey -noout -text', privateKeyToPem(key)).toString()
    expect(shown.replaceAll(/[\s:]/g, '')).toContain(hex.encode(bytesOf(key)))
  })

  it.each([
    ['an RSA key', 'genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024', 'RSA'],
    ['an X25519 key', 'genpkey -algorithm x25519', 'X25519'],
    ['a P-384 key', 'ecparam -name secp384r1 -genkey -noout', 'P-384'],
    ['a secp256k1 key', 'ecparam -name secp256k1 -genkey -noout', 'secp256k1'],
    ['an encrypted key', 'genpkey -algorithm ed25519 -aes256 -pass pass:secret', 'is encrypted'],
  ])('writes what is refused here: %s', (_name, command, expected) => {
    const pem = openssl(command).toString()
    const shown = refusal(() => privateKeyFromPem(pem, '/etc/owner.key'))
    expect(shown).toContain('/etc/owner.key')
    expect(shown).toContain(expected)
    expect(shown).not.toContain(pem.split('\n')[1])
  })

  it('writes encrypted SEC 1 keys, refused too', () => {
    const plain = openssl('ecparam -name prime256v1 -genkey -noout').toString()
    const pem = openssl('ec -aes256 -passout pass:secret', plain).toString()
    expect(refusal(() => privateKeyFromPem(pem, 'f'))).toContain('is encrypted')
  })

  it('writes public keys, refused where a private one is wanted', () => {
    const pem = openssl('pkey -pubout', privateKeyToPem(generateKey('ed25519'))).toString()
    expect(refusal(() => privateKeyFromPem(pem, 'f'))).toContain('holds no private key')
  })
})
