import { describe, expect } from 'vitest'
import { SessionToken } from '#generated/service/meta'
import { WatchResponse_Body } from '#generated/sessiond/v1/tokens'
import { sessionToken } from '../../src/envelope/shapes.js'
import {
  introspectMethod,
  issueJwtMethod,
  listMethod,
  readTokensRequest,
  revokeMethod,
  signMethod,
  watchMethod,
} from '../../src/envelope/tokens.js'
import { checkToken, tryRead } from '../../src/tokens/check.js'
import { TokenChecker } from '../../src/tokens/checker.js'
import { EndedSessions } from '../../src/tokens/endings.js'
import { encodeToken, tokenFromText, VERBS } from '../../src/tokens/token.js'
import { readWatchMessage } from '../../src/tokens/watch-message.js'
import { expectField } from '../support/contract.js'
import { mutate } from '../support/mutate.js'
import { GOOD_TOKENS } from '../support/token-cases.js'
import { CONTAINER, SESSION_ID, useOf } from '../support/tokens.js'
import { METHODS, tokensRequest } from '../support/tokens-client.js'
import { WatchStream } from '../support/watch-stream.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

const SESSION = Buffer.from(SESSION_ID.replaceAll('-', ''), 'hex')
const tokens = GOOD_TOKENS.map(([, token]) => token)
const checker = new TokenChecker({ cacheBytes: 100_000 })

fuzz({
  name: 'session-token',
  seeds: tokens,
  mutate: (random, originals) =>
    random(2) === 0
      ? mutateBytes(random, originals)
      : Buffer.from(mutate(random, tokens, sessionToken)),
  reaches: ['accepted', 'MALFORMED', 'MISSING_FIELD', 'INVALID_FIELD', 'BAD_SIGNATURE'],
  check(received) {
    // No Buffer: what is read of one is one too, and would not equal what is read of a copy.
    const input = new Uint8Array(received)
    const verdict = checkToken(input, useOf())
    expect(checker.check(input, useOf())).toEqual(verdict)
    const read = tryRead(input)
    if (!('reason' in read)) {
      // What is read of the slices, every decoder reads of the whole; and this is the only form of it.
      const { token, signature } = SessionToken.decode(input)
      expect(VERBS[Number(token?.verb)]).toBe(read.token.verb)
      expect(token?.lifetime).toEqual(read.token.lifetime)
      expect(Buffer.compare(token?.ownerId?.value ?? Buffer.of(), read.token.owner)).toBe(0)
      expect(Buffer.compare(token?.sessionKey ?? Buffer.of(), read.token.sessionKey)).toBe(0)
      expect(token?.objectAddress === undefined).toBe(read.token.object === null)
      const { key = Buffer.of(), sign = Buffer.of() } = signature ?? {}
      expect(Buffer.compare(encodeToken(read.body, key, sign), input)).toBe(0)
    }
    return verdict.isGood ? 'accepted' : verdict.reason
  },
})

/** One valid request of each method, whose signatures do not matter here. */
const asked = {
  Sign: tokensRequest('Sign', {
    token: SessionToken.decode(tokens[0] as Uint8Array),
    verb: 1,
    objectAddress: { containerId: { value: CONTAINER }, objectId: undefined },
    data: [Buffer.of(1), Buffer.alloc(40, 2)],
  }),
  Introspect: tokensRequest('Introspect', { id: SESSION, token: undefined, jwt: '' }),
  Revoke: tokensRequest('Revoke', { id: SESSION }),
  List: tokensRequest('List', { ownerId: { value: SESSION }, skip: 3n, take: 7, openOnly: true }),
  IssueJwt: tokensRequest('IssueJwt', {
    id: SESSION,
    audience: ['a', 'Ü'],
    lifetime: { exp: 9n, nbf: 1n, iat: 1n },
  }),
}
const readers = {
  Sign: signMethod,
  Introspect: introspectMethod,
  Revoke: revokeMethod,
  List: listMethod,
  IssueJwt: issueJwtMethod,
}

describe.each(Object.keys(asked) as (keyof typeof asked)[])('a request of %s', (name) => {
  const { request, ask } = METHODS[name]
  fuzz({
    name: `tokens-${name.toLowerCase()}`,
    seeds: [asked[name]],
    mutate: (random, originals) =>
      random(2) === 0
        ? mutateBytes(random, originals)
        : Buffer.from(mutate(random, [asked[name]], request)),
    reaches: ['accepted', 'MALFORMED', 'MISSING_FIELD', 'INVALID_FIELD'],
    check(input) {
      try {
        const { message, sentEpoch } = readTokensRequest<unknown>(input, readers[name])
        // What is read of the slices, every decoder reads of the whole; but a token in it is read by itself, later.
        if (name !== 'Sign' && name !== 'Introspect') {
          const decoded = ask.decode(message.body)
          expect([decoded.method, decoded.epoch]).toEqual([METHODS[name].number, sentEpoch])
        }
        return 'accepted'
      } catch (error) {
        const { code, field } = error as { code?: string; field?: string }
        if (field !== undefined) {
          expectField(request.name, field)
        }
        if (code === undefined) {
          throw error
        }
        return code
      }
    },
  })
})

const NO_SIGNER = { publicKey: Buffer.alloc(32, 1), sign: () => Buffer.alloc(64, 2) }
const told = new WatchStream(Buffer.alloc(32, 7), NO_SIGNER).message(
  [
    { id: SESSION_ID, endTimeMs: 1_700_000_000_000, reason: 'revoked', exp: 2n ** 40n },
    { id: SESSION_ID, endTimeMs: 1, reason: 'closed', exp: 1n },
  ],
  { isLast: true, isFull: true, timeMs: 1_700_000_000_000, cursor: Buffer.from('a cursor') },
)
fuzz({
  name: 'tokens-watch-message',
  seeds: [told],
  mutate: (random, originals) =>
    random(2) === 0
      ? mutateBytes(random, originals)
      : Buffer.from(mutate(random, [told], watchMethod.response)),
  reaches: ['accepted', 'MALFORMED', 'BROKEN_CHAIN', 'OTHER_REQUEST', 'UNKNOWN_KEY'],
  check(input) {
    const ended = new EndedSessions({
      trusts: (key) => key.length === 32 && key.every((byte) => byte === 1),
      verify: () => true,
    })
    const verdict = ended.stream(Buffer.alloc(32, 7)).accept(input)
    if (!verdict.isGood) {
      expect([ended.size, ended.verifiedAtMs]).toEqual([0, null])
      return verdict.reason
    }
    // What is read of the slices, every decoder reads of the whole.
    const { endings, timeMs } = WatchResponse_Body.decode(readWatchMessage(input).message.body)
    expect(verdict.endings.map(({ exp }) => exp)).toEqual(endings.map(({ exp }) => exp))
    expect(verdict.endings.map(({ reason }) => reason)).toEqual(endings.map(({ reason }) => reason))
    expect(ended.verifiedAtMs === null).toBe(timeMs === 0n)
    return 'accepted'
  },
})

fuzz({
  name: 'session-token-text',
  seeds: tokens.map((token) => Buffer.from(token).toString('base64url')),
  mutate: mutateBytes,
  reaches: ['accepted', 'MALFORMED'],
  check(input) {
    const text = input.toString('latin1')
    try {
      // One text for the bytes, as one form for the token.
      expect(Buffer.from(tokenFromText(text)).toString('base64url')).toBe(text)
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  },
})
