import { expect, it } from 'vitest'
import { parseSigners } from '../../../src/credentials/signers-file.js'
import { carol, hop } from '../../support/envelope.js'

const VERBS = ['OBJECT_PUT', 'OBJECT_GET']
const ed25519 = Buffer.from(hop.publicKey).toString('hex')
const p256 = Buffer.from(carol.publicKey).toString('hex')
const parse = (value: unknown) => parseSigners(JSON.stringify(value), 'signers.json', VERBS)

it('has the verbs of each service by its key, in whatever form that is written', () => {
  const signers = parse({ [ed25519]: ['OBJECT_PUT'], [`hex:${p256}`]: VERBS, [p256]: [] })
  expect(signers).toEqual(
    new Map([
      [ed25519, new Set(['OBJECT_PUT'])],
      [p256, new Set(VERBS)],
    ]),
  )
})

it.each([
  ['no JSON', '{', /^signers\.json: is not JSON$/],
  ['a list', '[]', /must hold one JSON object/],
  ['a name that is no key', '{"gateway": []}', /^signers\.json: a signer: is not a public key/],
  [
    'a verb that is none',
    `{"${ed25519}": ["OBJECT_EAT"]}`,
    /must have a list of verbs: OBJECT_PUT/,
  ],
  ['no list', `{"${ed25519}": "OBJECT_PUT"}`, /must have a list of verbs/],
  ['a member of all objects', `{"${ed25519}": ["constructor"]}`, /must have a list of verbs/],
])('refuses %s', (_, text, problem) => {
  expect(() => parseSigners(text, 'signers.json', VERBS)).toThrow(problem)
})
