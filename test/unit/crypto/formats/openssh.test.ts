import { hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { readOpensshKey } from '../../../../src/crypto/formats/openssh.js'
import { pemBlocks, pemText } from '../../../../src/crypto/formats/pem.js'
import { privateKeyFromPem } from '../../../../src/crypto/keys.js'
import { OPENSSH_ED25519, OPENSSH_PUBLIC_KEY } from '../../../support/private-keys.js'

const number = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const string = (content: string | Uint8Array) =>
  Buffer.concat([number(Buffer.byteLength(content)), Buffer.from(content)])

/** A file as PROTOCOL.key of OpenSSH describes it, of one key. */
function file(
  key: readonly Uint8Array[],
  { magic = 'openssh-key-v1\0', cipher = 'none', count = 1, checks = [7, 7] } = {},
): Buffer {
  return Buffer.concat([
    Buffer.from(magic),
    ...[string(cipher), string('none'), string('')],
    number(count),
    string('the public key'),
    string(Buffer.concat([...checks.map(number), ...key])),
  ])
}

const seed = new Uint8Array(32).fill(5)
const publicKey = new Uint8Array(32).fill(6)
const ed25519 = [string('ssh-ed25519'), string(publicKey), string(Buffer.concat([seed, publicKey]))]
const p256 = (secret: Uint8Array) => [
  ...['ecdsa-sha2-nistp256', 'nistp256', 'a point'].map(string),
  string(secret),
]

it('reads the seed of an Ed25519 key', () => {
  expect(readOpensshKey(file(ed25519))).toEqual({ type: 'ed25519', seed })
})

it('reads what ssh-keygen wrote', () => {
  const [block] = pemBlocks(OPENSSH_ED25519)
  const key = readOpensshKey(block?.der ?? new Uint8Array())
  expect(key).toMatchObject({ type: 'ed25519' })
  expect(hex.encode(block?.der ?? new Uint8Array())).toContain(OPENSSH_PUBLIC_KEY)
})

it.each([
  ['32 bytes', 'ff'.repeat(32), 'ff'.repeat(32)],
  ['a zero before a first bit that would be a sign', `00${'ff'.repeat(32)}`, 'ff'.repeat(32)],
  ['fewer bytes, where the number is small', '0102', `${'00'.repeat(30)}0102`],
])('reads the secret of a P-256 key, written in %s', (_, written, secret) => {
  expect(readOpensshKey(file(p256(hex.decode(written))))).toEqual({
    type: 'p256',
    secret: hex.decode(secret),
  })
})

it('tells an encrypted key from a damaged one', () => {
  expect(readOpensshKey(file([], { cipher: 'aes256-ctr' }))).toEqual({ type: 'encrypted' })
})

it.each([
  ['ssh-rsa', 'ssh-rsa'],
  ['sk-ssh-ed25519@openssh.com', 'sk-ssh-ed25519@openssh.com'],
  ['a name with\nother characters', 'unknown'],
])('names the type of a key that cannot be used, where it is a name: %j', (written, name) => {
  expect(readOpensshKey(file([string(written)]))).toEqual({ type: 'other', name })
})

describe('takes for damaged', () => {
  const halves = Buffer.concat([seed, publicKey])
  it.each([
    ['another format', file(ed25519, { magic: 'openssh-key-v2\0' })],
    ['two keys', file(ed25519, { count: 2 })],
    ['two checks that differ', file(ed25519, { checks: [7, 8] })],
    [
      'a pair whose public half is another',
      file([string('ssh-ed25519'), string(seed), string(halves)]),
    ],
    ['a pair without a public half', file([string('ssh-ed25519'), string(''), string(seed)])],
    ['a secret of more than 32 bytes', file(p256(new Uint8Array(33).fill(1)))],
  ])('%s', (_, bytes) => {
    expect(readOpensshKey(bytes)).toBeNull()
  })

  it('a secret that is no scalar of the curve', () => {
    const text = pemText('OPENSSH PRIVATE KEY', file(p256(new Uint8Array(32))))
    expect(() => privateKeyFromPem(text, 'f')).toThrow(/^f: holds an OpenSSH key that is damaged/)
  })

  it('a file that is cut short, wherever it is', () => {
    const whole = file(ed25519)
    for (let length = 0; length < whole.length; length++) {
      expect(readOpensshKey(whole.subarray(0, length))).toBeNull()
    }
  })
})
