import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nodeEd25519 } from '../../src/crypto/node-ed25519.js'
import { Guard, readHttpProof } from '../../src/guard/index.js'
import { issueToken, signHttpRequest, tokenToText } from '../../src/tokens/index.js'
import { epochNow, newOwner } from '../support/create.js'
import { arrived } from '../support/guard.js'
import { havePython, PYTHON } from '../support/python.js'

const PROGRAM = fileURLToPath(new URL('python/http_signatures.py', import.meta.url))
const AUDIENCE = 'objects.example'
const owner = newOwner()
const seed = Buffer.alloc(32, 8)
const sessionKey = nodeEd25519.signer(seed)
const now = epochNow()
const lifetime = { exp: now + 3600n, nbf: now - 60n, iat: now }
const id = '5d0f2c1e-7a52-4d0e-9a53-0b8c1f9a7e11'
const session = { id, owner: owner.publicKey, publicKey: sessionKey.publicKey, lifetime }
const token = await issueToken({ session, verb: 'OBJECT_PUT' }, owner)

interface Request {
  readonly method: string
  readonly target: string
  readonly body: string | null
}

/** What Python makes of a request. */
async function python(
  action: 'sign' | 'verify',
  key: Uint8Array,
  { method, target, body }: Request,
  headers: object,
) {
  const child = spawn(PYTHON, [PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] })
  const url = `https://${AUDIENCE}${target}`
  child.stdin.end(
    JSON.stringify({ action, key: Buffer.from(key).toString('hex'), method, url, body, headers }),
  )
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (stdout === '') {
    throw new Error(stderr)
  }
  return JSON.parse(stdout)
}

const lowerCase = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

describe.skipIf(!havePython('http_message_signatures'))('http-message-signatures in Python', () => {
  const requests: [string, Request][] = [
    ['a request with a body', { method: 'PUT', target: '/c/o?x=1&y=%20', body: '{"a":1}' }],
    ['one without', { method: 'GET', target: '/', body: null }],
  ]

  it.each(requests)('signs what a guard accepts: %s', async (_, request) => {
    const given = { Authorization: `Bearer ${tokenToText(token)}` }
    const headers = lowerCase(await python('sign', seed, request, given))
    const { method, target, body } = request
    const seen = { method, target, body: Buffer.from(body ?? '') }
    const guard = new Guard({ audience: AUDIENCE, endings: 'not-watched' })
    const proof = readHttpProof({ ...arrived(headers, seen), authority: AUDIENCE })
    expect(guard.check(proof, { verb: 'OBJECT_PUT' })).toMatchObject({ isGood: true })
  })

  it.each(requests)('verifies what signHttpRequest signs: %s', async (_, request) => {
    const { method, target, body } = request
    const url = `https://${AUDIENCE}${target}`
    const toSign = { method, url, ...(body !== null && { body }) }
    const headers = await signHttpRequest(toSign, token, sessionKey)
    const covered = await python('verify', sessionKey.publicKey, request, headers)
    expect(covered.join()).toContain('"@method","@authority","@path","@query","authorization"')
    await expect(
      python('verify', sessionKey.publicKey, { ...request, method: 'DELETE' }, headers),
    ).rejects.toThrow('InvalidSignature')
  })
})
