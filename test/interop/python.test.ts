import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { itServed } from '../support/interop.js'
import { havePython, python, pythonStubs } from '../support/python.js'

const CLIENT = fileURLToPath(new URL('python/client.py', import.meta.url))

/** What a session's answer says, and what the client made of it. */
interface Opened {
  readonly id: string
  readonly session_key: string
  /** The key under which the client has verified every signature. */
  readonly server_key: string
  readonly answers: string
  readonly digest: string
}

/** What one run of the client saw, by scenario. */
const itSeen = itServed.extend(
  'seen',
  { scope: 'file' },
  async ({ directory, server }): Promise<Record<string, unknown>> => {
    const stubs = await pythonStubs(directory)
    return JSON.parse(await python([CLIENT, server.address, stubs]))
  },
)

describe.skipIf(!havePython())('a client in Python', () => {
  itSeen.for([
    ['an Ed25519 owner', 'ed25519'],
    ['a P-256 owner that signs with SHA-512', 'p256_sha512'],
    ['a P-256 owner that signs with SHA-256', 'p256_sha256'],
    ['an owner whose request a node forwards', 'forwarded'],
  ] as const)(
    'opens a session for %s and verifies the answer',
    ([, scenario], { seen, server }) => {
      const opened = seen[scenario] as Opened
      expect(opened).toMatchObject({
        // A UUID of version 4.
        id: expect.stringMatching(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/),
        session_key: expect.stringMatching(/^[0-9a-f]{64}$/),
        server_key: server.publicKey,
        answers: opened.digest,
      })
    },
  )

  itSeen('finds an answer out that was tampered with', ({ seen }) => {
    expect(seen.tampered_response).toBe('rejected')
  })

  itSeen('gets the same session for the same idempotency key, but for one body', ({ seen }) => {
    const { first, repeat, reuse } = seen.idempotency as Record<string, Partial<Opened>>
    expect(first?.id).toBeTypeOf('string')
    expect(repeat).toMatchObject({ id: first?.id, session_key: first?.session_key })
    expect(reuse).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'IDEMPOTENCY_KEY_REUSED' })
  })

  const anEpoch = expect.stringMatching(/^\d+$/)
  itSeen.for([
    ['wrong_signature', 'UNAUTHENTICATED', 'BAD_SIGNATURE', {}],
    ['strangers_key', 'PERMISSION_DENIED', 'OWNER_KEY_MISMATCH', {}],
    ['strangers_p256_key', 'PERMISSION_DENIED', 'OWNER_KEY_MISMATCH', {}],
    ['stale', 'FAILED_PRECONDITION', 'EPOCH_DRIFT', { metadata: { server_epoch: anEpoch } }],
    ['nbf_after_exp', 'INVALID_ARGUMENT', 'INVALID_LIFETIME', { fields: ['body.lifetime.nbf'] }],
    ['empty', 'INVALID_ARGUMENT', 'MISSING_FIELD', { fields: ['body'] }],
  ] as const)('reads the details of a refusal: %s', ([scenario, code, reason, rest], { seen }) => {
    expect(seen[scenario]).toMatchObject({ code, status_code: code, reason, ...rest })
  })

  itSeen('asks for health', ({ seen }) => {
    expect(seen.health).toEqual({
      '': 'SERVING',
      'session.Session': 'SERVING',
      'no.Such': 'NOT_FOUND',
    })
  })
})
