import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkToken } from '../../src/tokens/check.js'
import { temporaryDirectory } from '../support/process.js'
import { havePython, python, pythonStubs } from '../support/python.js'

const VECTORS = fileURLToPath(new URL('../vectors/tokens.json', import.meta.url))
const CHECK = fileURLToPath(new URL('python/check_tokens.py', import.meta.url))

interface Vector {
  readonly what: string
  readonly reason: string | null
}

// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
const itChecked = it.extend('seen', { scope: 'file' }, async ({}, { onCleanup }) => {
  const stubs = await pythonStubs(await temporaryDirectory(onCleanup))
  return JSON.parse(await python([CHECK, VECTORS, stubs]))
})

describe.skipIf(!havePython())('session tokens in Python', () => {
  itChecked(
    'are good, or refused for the same reasons, as test/vectors/tokens.json has',
    ({ seen }) => {
      const vectors: readonly Vector[] = JSON.parse(readFileSync(VECTORS, 'utf8'))
      const reasons = vectors.map(({ what }, i) => `${what}: ${seen.reasons[i]}`)
      expect(reasons).toEqual(vectors.map(({ what, reason }) => `${what}: ${reason}`))
    },
  )

  itChecked('that it issues, checkToken accepts', ({ seen }) => {
    const verdict = checkToken(Buffer.from(seen.issued.token, 'hex'), {
      verb: 'OBJECT_SEARCH',
      object: { containerId: Buffer.alloc(32, 'c') },
      epoch: 1_700_000_005n,
      proof: {
        content: Buffer.from('a request'),
        signature: Buffer.from(seen.issued.proof, 'hex'),
      },
    })
    expect(verdict).toMatchObject({ isGood: true })
  })
})
