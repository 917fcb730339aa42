import { readFileSync, writeFileSync } from 'node:fs'
import { hex } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { checkToken, type TokenUse } from '../../src/tokens/check.js'
import { GOOD_TOKENS, REFUSED_TOKENS } from '../support/token-cases.js'
import { useOf } from '../support/tokens.js'

/** What programs in other languages check: `test/interop/python/check_tokens.py` does. */
const FILE = new URL('tokens.json', import.meta.url)

interface Vector {
  readonly what: string
  readonly token: string
  readonly use: {
    readonly verb: string
    readonly container: string | null
    readonly object: string | null
    readonly epoch: string
    readonly proof: { readonly content: string; readonly signature: string } | null
  }
  /** null: the token is good. */
  readonly reason: string | null
}

function vector(what: string, token: Uint8Array, use: TokenUse, reason: string | null): Vector {
  const { verb, object, epoch, proof } = use
  return {
    what,
    token: hex.encode(token),
    use: {
      verb,
      container: object ? hex.encode(object.containerId) : null,
      object: object?.objectId ? hex.encode(object.objectId) : null,
      epoch: `${epoch}`,
      proof:
        proof === 'not-asked'
          ? null
          : { content: hex.encode(proof.content), signature: hex.encode(proof.signature) },
    },
    reason,
  }
}

/** All that fixed keys give, but for cases of a rule of one's own. */
const made = [
  ...GOOD_TOKENS.map(([what, token, use]) => vector(what, token, useOf(use), null)),
  ...REFUSED_TOKENS.filter(({ options }) => options === undefined).map(
    ({ what, token, use, reason }) => vector(what, token, useOf(use), reason),
  ),
]
if (process.env.SESSIOND_WRITE_VECTORS) {
  writeFileSync(FILE, `${JSON.stringify(made, null, 2)}\n`)
}
const vectors: readonly Vector[] = JSON.parse(readFileSync(FILE, 'utf8'))

describe('test/vectors/tokens.json', () => {
  it('has the cases of the tests (SESSIOND_WRITE_VECTORS=1 writes it anew)', () => {
    expect(vectors).toEqual(made)
  })

  it.each(vectors)('$what: $reason', ({ token, use, reason }) => {
    const { container, object, epoch, proof } = use
    const verdict = checkToken(hex.decode(token), {
      verb: use.verb as TokenUse['verb'],
      object:
        container === null
          ? undefined
          : { containerId: hex.decode(container), ...(object && { objectId: hex.decode(object) }) },
      epoch: BigInt(epoch),
      proof: proof
        ? { content: hex.decode(proof.content), signature: hex.decode(proof.signature) }
        : 'not-asked',
    })
    expect('reason' in verdict ? verdict.reason : null).toBe(reason)
  })
})
