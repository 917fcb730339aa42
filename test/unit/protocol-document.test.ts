import { readFileSync } from 'node:fs'
import { base58, hex } from '@scure/base'
import { expect, it } from 'vitest'
import { n3Account } from '../../src/crypto/n3.js'
import { readCreateRequest, requestDigest, verifyChain } from '../../src/envelope/index.js'
import { alice, len, message, verifiers } from '../support/envelope.js'

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')

/** What an example calls `name`: all that stands behind its `=`, on this line and those that go on with it. */
function example(name: string): string {
  const [, value] = new RegExp(`^${name}\\s*=\\s+(\\S+(?:\\n {8}\\S+)*)$`, 'm').exec(document) ?? []
  expect(value, name).toBeDefined()
  return `${value}`.replaceAll(/\s/g, '')
}

it('the account of the example is that of its key', () => {
  const account = n3Account(hex.decode(example('K')))
  expect(hex.encode(account)).toBe(example('account'))
  expect(example('account')).toBe(`35${example('hash')}${example('checksum')}`)
  expect(base58.encode(account)).toBe(example('base58'))
})

it('the request of the example is what its key signs, and has its digest', () => {
  const [body, meta] = [hex.decode(example('body')), hex.decode(example('meta'))]
  const signature = (name: string) =>
    Buffer.concat([len(1, alice.publicKey), len(2, hex.decode(example(`${name}_signature.sign`)))])
  const verify = ['body', 'meta', 'origin'].map((name, i) => len(i + 1, signature(name)))
  const request = readCreateRequest(message(body, meta, Buffer.concat(verify)))
  expect(verifyChain(request.message, verifiers)).toEqual(Buffer.from(alice.publicKey))
  expect(request).toMatchObject({
    owner: Uint8Array.from(alice.publicKey),
    idempotencyKey: 'golden',
    lifetime: { nbf: 1_700_000_000n, exp: 1_700_003_600n },
  })
  expect(requestDigest(request.message)).toBe(example('SHA-256\\(body ‖ meta\\)'))
})
