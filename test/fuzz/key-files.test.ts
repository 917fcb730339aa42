import { createPrivateKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { base58, hex } from '@scure/base'
import { afterAll, expect } from 'vitest'
import { InputFileError } from '../../src/core/errors.js'
import { parseOwners } from '../../src/credentials/owners-file.js'
import { readKeyPair } from '../../src/credentials/tls.js'
import { readTokenFile } from '../../src/credentials/token-file.js'
import { privateKeyFromPem, privateKeyToPem } from '../../src/crypto/keys.js'
import { publicKeyFromText, publicKeyToText } from '../../src/crypto/public-key.js'
import { sealingKeysFromJson, sealingKeysToJson } from '../../src/keys/sealing-keys.js'
import { newAuthority } from '../support/certificates.js'
import { alice, carol } from '../support/envelope.js'
import { OPENSSH_ED25519, RFC_8410_VERSION_2 } from '../support/private-keys.js'
import { temporaryDirectory } from '../support/process.js'
import { fuzz } from './engine.js'
import { mutateBytes, mutateJson, mutateLines } from './mutations.js'

const FILE = 'a-file'
const QUOTED = 8

/** The value, or null where it is refused; no message may quote the input. */
async function read<T>(input: Buffer, parse: () => T | Promise<T>): Promise<T | null> {
  try {
    return await parse()
  } catch (error) {
    if (!(error instanceof InputFileError)) {
      throw error
    }
    for (let e: unknown = error; e instanceof Error; e = e.cause) {
      checkNotQuoted(e.message, input.toString())
    }
    return null
  }
}

/** What every message may say, whatever stands in the file. */
const OWN_WORDS = [
  '"current" must be one of the ids in "keys"',
  'must hold { "current": id, "keys": { id: base64 } }',
  'of "keys" must be an id (1 to 64 letters, digits, _ or -) with 32 bytes in base64',
]

function checkNotQuoted(message: string, secret: string): void {
  const ownWords = OWN_WORDS.reduce((rest, words) => rest.replace(words, ''), message)
  // Which owner it is about is no secret, also where its name is that of a key.
  const said = ownWords.replace(/owner "(?:[^"\\]|\\.)*"/g, '')
  for (let at = 0; at + QUOTED <= said.length; at++) {
    const part = said.slice(at, at + QUOTED)
    // Only what could be of a key: not PEM's own lines, nor English.
    if (/^[\w+/=]+$/.test(part) && /[A-Z0-9]/.test(part) && secret.includes(part)) {
      throw new Error(`the message quotes the file: ${message}`)
    }
  }
}

const seed = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 3)
const p256 = privateKeyToPem({ type: 'p256', secret: seed })
/** RFC 8410: a key that agrees on secrets and signs nothing. */
const x25519 = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), seed])
const pems = [
  RFC_8410_VERSION_2,
  OPENSSH_ED25519,
  JSON.stringify(createPrivateKey(p256).export({ format: 'jwk' })),
  privateKeyToPem({ type: 'ed25519', seed }),
  p256,
  createPrivateKey(p256).export({ type: 'sec1', format: 'pem' }).toString(),
  `-----BEGIN PRIVATE KEY-----\n${x25519.toString('base64')}\n-----END PRIVATE KEY-----\n`,
]

fuzz({
  name: 'private-key',
  seeds: pems,
  mutate: (random, originals) => (random(3) === 0 ? mutateLines : mutateBytes)(random, originals),
  reaches: ['key', 'refused'],
  async check(input) {
    const key = await read(input, () => privateKeyFromPem(input.toString(), FILE))
    if (key === null) {
      return 'refused'
    }
    expect(privateKeyFromPem(privateKeyToPem(key), FILE)).toEqual(key)
    return 'key'
  },
})

const publicKeys = [alice, carol].flatMap(({ publicKey }) => [
  hex.encode(publicKey),
  `hex:${hex.encode(publicKey)}`,
  `base58:${base58.encode(publicKey)}`,
  publicKeyToText(publicKey, 'pem'),
])

fuzz({
  name: 'public-key',
  seeds: publicKeys,
  mutate: (random, originals) => (random(3) === 0 ? mutateLines : mutateBytes)(random, originals),
  reaches: ['key', 'refused'],
  async check(input) {
    const key = await read(input, () => publicKeyFromText(input.toString(), FILE))
    if (key === null) {
      return 'refused'
    }
    expect([32, 33]).toContain(key.length)
    for (const form of ['hex', 'base58', 'pem'] as const) {
      expect(publicKeyFromText(publicKeyToText(key, form), FILE)).toEqual(key)
    }
    return 'key'
  },
})

const sealingKeys = {
  current: 'new',
  keys: new Map([
    ['old', seed],
    ['new', seed.toReversed()],
  ]),
}

fuzz({
  name: 'sealing-keys',
  seeds: [sealingKeysToJson(sealingKeys)],
  mutate: mutateJson,
  reaches: ['keys', 'refused'],
  async check(input) {
    const keys = await read(input, () => sealingKeysFromJson(input.toString(), FILE))
    if (keys === null) {
      return 'refused'
    }
    expect(keys.keys.get(keys.current)).toHaveLength(32)
    expect(sealingKeysFromJson(sealingKeysToJson(keys), FILE)).toEqual(keys)
    return 'keys'
  },
})

fuzz({
  name: 'owners',
  seeds: [
    JSON.stringify({ alice: publicKeys[0], 'hex:00ff': [publicKeys[5]] }, null, 2),
    JSON.stringify(Object.fromEntries(publicKeys.map((key, i) => [`base58:${i + 1}`, [key]]))),
    // Other files of the same folder, given by mistake.
    ...pems,
    sealingKeysToJson(sealingKeys),
  ],
  mutate: mutateJson,
  reaches: ['owners', 'refused'],
  async check(input) {
    const text = input.toString()
    const owners = await read(Buffer.from(text.replace(/^\s*\{\s*|"[^"]*"\s*:/g, '')), () =>
      parseOwners(text, FILE),
    )
    if (owners === null) {
      return 'refused'
    }
    const written = Array.from(owners, ([owner, keys]) => [`hex:${owner}`, [...keys]])
    expect(parseOwners(JSON.stringify(Object.fromEntries(written)), FILE)).toEqual(owners)
    return 'owners'
  },
})

const directory = await temporaryDirectory(afterAll)

fuzz({
  name: 'token-file',
  seeds: ['5d41402abc4b2a76b9719d911017c592\n', '\ufeff  0123456789abcdef\r\n'],
  mutate: mutateLines,
  reaches: ['token', 'refused'],
  leastRuns: 500,
  async check(input) {
    const file = join(directory, 'token')
    writeFileSync(file, input)
    const token = await read(input, () => readTokenFile(file))
    if (token === null) {
      return 'refused'
    }
    expect(token.length).toBeGreaterThanOrEqual(16)
    expect(input.toString()).toContain(token)
    return 'token'
  },
})

const { cert, key } = newAuthority().issue()

fuzz({
  name: 'tls-files',
  // One file may hold both.
  seeds: [`${cert}${key}`, `${key}${cert}${cert}`],
  mutate: (random, originals) => (random(2) === 0 ? mutateLines : mutateBytes)(random, originals),
  reaches: ['pair', 'refused'],
  leastRuns: 500,
  async check(input) {
    const file = join(directory, 'pair.pem')
    writeFileSync(file, input)
    const pair = await read(input, () => readKeyPair(file, file))
    return pair === null ? 'refused' : 'pair'
  },
})
