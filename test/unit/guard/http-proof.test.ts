import { ed25519 } from '@noble/curves/ed25519.js'
import { base64, base64urlnopad } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { type GuardedUse, readHttpProof } from '../../../src/guard/index.js'
import { signatureBase } from '../../../src/tokens/http-signature.js'
import { tokenToText } from '../../../src/tokens/index.js'
import { newOwner } from '../../support/create.js'
import { carol } from '../../support/envelope.js'
import { AUDIENCE, arrived, guardAt, NOW_MS, signedHttp } from '../../support/guard.js'
import { CONTAINER, OBJECT, sessionKey, tokenWith } from '../../support/tokens.js'

const use: GuardedUse = {
  verb: 'OBJECT_GET',
  object: { containerId: CONTAINER, objectId: OBJECT },
}
const check = (...request: Parameters<typeof arrived>) =>
  guardAt().guard.check(readHttpProof(arrived(...request)), use)

it('signs what RFC 9421 says, by its test case for Ed25519 (appendix B.2.6)', () => {
  const headers: Record<string, string> = {
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-length': '18',
  }
  const covered = ['date', '@method', '@path', '@authority', 'content-type', 'content-length']
  const params = new Map<string, number | string>([
    ['created', 1618884473],
    ['keyid', 'test-key-ed25519'],
  ])
  const base = signatureBase(covered, params, {
    ...{ method: 'POST', authority: 'example.com', target: '/foo?param=Value&Pet=dog' },
    header: (name) => [headers[name] ?? ''],
  })
  const signature = base64.decode(
    'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==',
  )
  const key = base64urlnopad.decode('JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs')
  expect(ed25519.verify(signature, base, key)).toBe(true)
})

/** A dictionary that says more, in so many characters. */
function filled(header: string, length: number): string {
  return `${header}, a="${'1'.repeat(length - header.length - 6)}"`
}

describe('readHttpProof', () => {
  it('accepts what signHttpRequest signs, by either kind of key', async () => {
    expect(check({ ...(await signedHttp()) }).isGood).toBe(true)
    const token = tokenWith({ sessionKey: carol.publicKey })
    const byP256 = await signedHttp({}, NOW_MS, carol, token)
    expect(check({ ...byP256 }).isGood).toBe(true)
  })

  it('accepts a request with a body, and one without a query', async () => {
    const body = Buffer.from('{"a":1}')
    const put = { method: 'PUT', body }
    expect(check({ ...(await signedHttp(put)) }, put).isGood).toBe(true)
    const asText = { ...put, body: '{"a":1}' }
    expect(check({ ...(await signedHttp(asText)) }, put).isGood).toBe(true)
    const bare = await signedHttp({ url: `https://${AUDIENCE}` })
    expect(check({ ...bare }, { target: '/' }).isGood).toBe(true)
  })

  it('accepts a signature beside those of others', async () => {
    const headers = await signedHttp()
    const both = {
      ...headers,
      'signature-input': [`proxy=("@method");created=1`, headers['signature-input']],
      signature: ['proxy=:AAAA:', headers.signature],
    }
    expect(check(both).isGood).toBe(true)
  })

  it('accepts headers of 4,096 characters', async () => {
    const headers = await signedHttp()
    expect(check({ ...headers, signature: filled(headers.signature, 4096) }).isGood).toBe(true)
  })

  const body = Buffer.from('content')
  /** What a stranger may do with a request that was signed. */
  const cases: [
    string,
    (headers: Record<string, string | string[]>) => Record<string, string | string[]>,
    Parameters<typeof arrived>[1],
    string,
  ][] = [
    ['no header at all', () => ({}), {}, 'NO_TOKEN'],
    ['another scheme', (headers) => ({ ...headers, authorization: 'Basic YTpi' }), {}, 'NO_TOKEN'],
    [
      'two tokens',
      (headers) => ({
        ...headers,
        authorization: [`${headers.authorization}`, `${headers.authorization}`],
      }),
      {},
      'NO_TOKEN',
    ],
    [
      'a token that is too long',
      (headers) => ({ ...headers, authorization: `Bearer ${'A'.repeat(2000)}` }),
      {},
      'MALFORMED',
    ],
    [
      'another token of the session',
      (headers) => ({
        ...headers,
        authorization: `Bearer ${tokenToText(tokenWith({ verb: 1, objectAddress: undefined }))}`,
      }),
      {},
      'BAD_PROOF',
    ],
    ['another method', (headers) => headers, { method: 'DELETE' }, 'BAD_PROOF'],
    ['another path', (headers) => headers, { target: '/c/other?x=1' }, 'BAD_PROOF'],
    ['another query', (headers) => headers, { target: '/c/o?x=2' }, 'BAD_PROOF'],
    ['no query', (headers) => headers, { target: '/c/o' }, 'BAD_PROOF'],
    ['no path', (headers) => headers, { target: '' }, 'NO_PROOF'],
    ['a body that was not signed', (headers) => headers, { body }, 'NO_PROOF'],
    ['no signature', ({ signature: _, ...headers }) => headers, {}, 'NO_PROOF'],
    ['no signature input', ({ 'signature-input': _, ...headers }) => headers, {}, 'NO_PROOF'],
    [
      'a signature with another label',
      (headers) => ({ ...headers, signature: `${headers.signature}`.replace('sessiond', 'other') }),
      {},
      'NO_PROOF',
    ],
    [
      'another tag',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace('tag="sessiond"', 'tag="x"'),
      }),
      {},
      'NO_PROOF',
    ],
    [
      'two signatures with the tag',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}, b=("@method");tag="sessiond"`,
      }),
      {},
      'NO_PROOF',
    ],
    [
      'a signature that is no bytes',
      (headers) => ({ ...headers, signature: 'sessiond=1' }),
      {},
      'NO_PROOF',
    ],
    [
      'a dictionary with more blanks',
      (headers) => ({ ...headers, signature: `${headers.signature}`.replace('=', '= ') }),
      {},
      'NO_PROOF',
    ],
    ...['signature', 'signature-input'].map((name): (typeof cases)[number] => [
      `a header ${name} of 4,097 characters`,
      (headers) => ({ ...headers, [name]: filled(`${headers[name]}`, 4097) }),
      {},
      'NO_PROOF',
    ]),
    [
      '33 parts that are covered',
      (headers) => {
        const more = Array.from({ length: 28 }, (_, i) => `x-${i}`)
        const covered = more.map((name) => ` "${name}"`).join('')
        const input = `${headers['signature-input']}`.replace(')', `${covered})`)
        const values = Object.fromEntries(more.map((name) => [name, 'value']))
        return { ...headers, ...values, 'signature-input': input }
      },
      {},
      'NO_PROOF',
    ],
    ...['@method', '@authority', '@path', '@query', 'authorization'].map(
      (name): (typeof cases)[number] => [
        `a signature that does not cover ${name}`,
        (headers) => ({
          ...headers,
          'signature-input': `${headers['signature-input']}`
            .replace(new RegExp(` ?"${name}"`), '')
            .replace('( ', '('),
        }),
        {},
        'NO_PROOF',
      ],
    ),
    [
      'a part with parameters in place of one that must be covered',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace('"@method"', '"@method";req'),
      }),
      {},
      'NO_PROOF',
    ],
    [
      'a part that is covered twice',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(
          '("@method"',
          '("@method" "@method"',
        ),
      }),
      {},
      'NO_PROOF',
    ],
    [
      'a header that is covered and not there',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(')', ' "x-more")'),
      }),
      {},
      'NO_PROOF',
    ],
    ...['created', 'nonce', 'keyid'].map((name): (typeof cases)[number] => [
      `a signature without ${name}`,
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(
          new RegExp(`;${name}=("[^"]*"|\\d+)`),
          '',
        ),
      }),
      {},
      'NO_PROOF',
    ]),
    [
      'another nonce',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(/nonce="[^"]*"/, 'nonce="mine"'),
      }),
      {},
      'BAD_PROOF',
    ],
    [
      'a nonce of 65 characters',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(
          /nonce="[^"]*"/,
          `nonce="${'n'.repeat(65)}"`,
        ),
      }),
      {},
      'NO_PROOF',
    ],
    [
      'a later time',
      (headers) => ({
        ...headers,
        'signature-input': `${headers['signature-input']}`.replace(
          /created=\d+/,
          `created=${NOW_MS / 1000 + 1}`,
        ),
      }),
      {},
      'BAD_PROOF',
    ],
  ]

  it.each(cases)('refuses a signed request with %s', async (_, spoil, parts, reason) => {
    const headers = spoil({ ...(await signedHttp()) })
    expect(check(headers, parts)).toMatchObject({ isGood: false, reason })
  })

  it.each<
    [string, (headers: Record<string, string>) => Record<string, string>, Uint8Array, string]
  >([
    ['another body', (headers) => headers, Buffer.from('other'), 'BAD_PROOF'],
    ['no body', (headers) => headers, Buffer.alloc(0), 'BAD_PROOF'],
    [
      'the digest of another body',
      (headers) => ({ ...headers, 'content-digest': 'sha-256=:AAAA:' }),
      body,
      'BAD_PROOF',
    ],
    [
      'a digest of another kind',
      (headers) => ({ ...headers, 'content-digest': 'md5=:AAAA:' }),
      body,
      'NO_PROOF',
    ],
    [
      'a digest in 4,097 characters',
      (headers) => ({
        ...headers,
        'content-digest': filled(`${headers['content-digest']}`, 4097),
      }),
      body,
      'NO_PROOF',
    ],
  ])('refuses a signed request with a body and %s', async (_, spoil, sent, reason) => {
    const headers = spoil({ ...(await signedHttp({ method: 'PUT', body })) })
    expect(check(headers, { method: 'PUT', body: sent })).toMatchObject({ isGood: false, reason })
  })

  it("refuses another's signature, also under the key id of the session", async () => {
    const thief = newOwner()
    const stolen = await signedHttp({}, NOW_MS, thief)
    expect(check({ ...stolen })).toMatchObject({ reason: 'BAD_PROOF' })
    const named = { publicKey: sessionKey.publicKey, sign: thief.sign }
    expect(check({ ...(await signedHttp({}, NOW_MS, named)) })).toMatchObject({
      reason: 'BAD_PROOF',
    })
  })

  it.each(['keyid="[^"]*"', 'alg="[^"]*"'])(
    'refuses a signature whose %s is not of the key',
    async (param) => {
      const name = param.split('=')[0] as string
      const parts = { ...(await signedHttp()) }
      const input = parts['signature-input'].replace(new RegExp(param), `${name}="other"`)
      // Signed like this by the key itself.
      const request = arrived({ ...parts, 'signature-input': input })
      const read = readHttpProof(request)
      if ('reason' in read) {
        throw new Error(read.message)
      }
      const proof = { ...read.proof, signature: sessionKey.sign(read.proof.content) }
      expect(guardAt().guard.check({ ...read, proof }, use)).toMatchObject({ reason: 'BAD_PROOF' })
    },
  )

  it('refuses a request for another service', async () => {
    const headers = await signedHttp({ url: 'https://other.example/c/o?x=1' })
    expect(check({ ...headers })).toMatchObject({ reason: 'BAD_PROOF' })
  })
})
