import { describe, expect, it } from 'vitest'
import {
  parseIntrospectionTokens,
  resourceServerOf,
} from '../../../src/credentials/introspection-tokens.js'

const TOKEN = 'a-token-of-enough-characters'
const FILE = 'tokens.json'

it('knows a resource server by its token', () => {
  const servers = parseIntrospectionTokens(
    JSON.stringify({ gateway: TOKEN, store: `${TOKEN}-2` }),
    FILE,
  )
  expect(resourceServerOf(servers, TOKEN)).toBe('gateway')
  expect(resourceServerOf(servers, `${TOKEN}-2`)).toBe('store')
  for (const other of ['', TOKEN.slice(1), `${TOKEN} `, 'gateway']) {
    expect(resourceServerOf(servers, other)).toBeNull()
  }
})

describe('a file of tokens', () => {
  it.each([
    ['no JSON', TOKEN, /^tokens\.json: is not JSON$/],
    ['a list', `["${TOKEN}"]`, /must hold one JSON object/],
    [
      'a short token',
      '{"gateway":"short"}',
      /^tokens\.json: "gateway": must have a token of at least 16/,
    ],
    ['a token with a space', `{"gateway":"${TOKEN} ${TOKEN}"}`, /must have a token/],
    ['a number', '{"gateway":1234567890123456}', /must have a token/],
  ])('is refused with %s, and never quoted', (_, text, problem) => {
    const parse = () => parseIntrospectionTokens(text, FILE)
    expect(parse).toThrow(problem)
    expect(parse).not.toThrow(TOKEN)
  })
})
