import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { CredentialError } from '../../../src/core/errors.js'
import { operatorRule } from '../../../src/core/operators/trust.js'
import {
  checkOrigin,
  checkViewer,
  type FeedAccess,
  metricsRefusal,
  operatorOf,
  pathOf,
  queryOf,
} from '../../../src/http/access.js'

const TOKEN = { matches: (given: string) => given === 'a+secret' }
const LOCAL: FeedAccess = { isPublic: false }
const PEER = { remoteAddress: '127.0.0.1', remotePort: 7 }

/** A request of this machine, to `localhost` unless its headers say otherwise. */
function request(headers: IncomingHttpHeaders = {}, url = '/session-list', socket: object = PEER) {
  const own = { headers: { host: 'localhost:8808', ...headers }, url, socket }
  return own as unknown as IncomingMessage
}

const withTls = () => Object.create(TLSSocket.prototype)

describe('the session list', () => {
  const token: FeedAccess = { isPublic: false, token: TOKEN }

  it.each<[string, IncomingHttpHeaders, FeedAccess]>([
    ['this machine', {}, LOCAL],
    ['this machine by its address', { host: '127.0.0.1:8808' }, LOCAL],
    ['a page of this host', { origin: 'http://localhost:8808' }, LOCAL],
    ['any host where it is public', { host: 'evil.example' }, { isPublic: true }],
    ['a proxy where it is public', { via: '1.1 proxy' }, { isPublic: true }],
    [
      'who shows the token, by a proxy',
      { authorization: 'Bearer a+secret', host: 'sessions.example', via: '1.1 proxy' },
      token,
    ],
  ])('may be watched by %s', (_, headers, access) => {
    expect(checkViewer(request(headers), access)).toBeNull()
  })

  it.each<[string, number, IncomingHttpHeaders, FeedAccess]>([
    ['a page that calls this machine by another name', 403, { host: 'evil.example' }, LOCAL],
    ['a proxy on this machine', 403, { 'x-forwarded-for': '192.0.2.1' }, LOCAL],
    ['a page of another host', 403, { origin: 'http://evil.example' }, LOCAL],
    ['a page without a host', 403, { origin: 'null' }, LOCAL],
    ['who shows no token', 401, {}, token],
    ['who shows another token', 401, { authorization: 'Bearer b' }, token],
    ['who shows no token where it is public too', 401, {}, { ...token, isPublic: true }],
  ])('may not be watched by %s: %i', (_, status, headers, access) => {
    expect(checkViewer(request(headers), access)).toMatchObject({ status })
  })

  it.each(['?token=a%2Bsecret', '?token=a+secret', '?x=1&token=a+secret'])(
    'may be watched by who shows the token in the address: %s',
    (query) => {
      const access = { isPublic: false, token: TOKEN }
      expect(checkViewer(request({}, `/session-list${query}`), access)).toBeNull()
    },
  )

  it('may not be watched by a page that came without TLS where its request came with it', () => {
    const origin = (scheme: string) =>
      checkOrigin(request({ origin: `${scheme}://localhost:8808` }, '/', withTls()))
    expect(origin('https')).toBeNull()
    expect(origin('http')).toMatchObject({ status: 403 })
  })
})

const credential = {
  proofOf: ({ authorization }: { authorization: string | undefined }) =>
    authorization === 'Bearer secret' ? 'admin token' : null,
  wanted: 'the admin token',
}
const withCredential = operatorRule(credential, false, 'ADVICE')
const without = operatorRule(null, true, 'ADVICE')

describe('the metrics', () => {
  it.each<[string, IncomingHttpHeaders, typeof without]>([
    ['this machine where there is no credential', {}, without],
    [
      'who shows the credential, whatever the host',
      { authorization: 'Bearer secret', host: 'sessions.example' },
      withCredential,
    ],
  ])('may be read by %s', (_, headers, admit) => {
    expect(metricsRefusal(request(headers), admit, admit === withCredential, '')).toBeNull()
  })

  it.each<[string, IncomingHttpHeaders, typeof without, RegExp]>([
    ['anybody where there is nothing for operators', {}, null, /for operators: ADVICE/],
    ['a page that uses another name', { host: 'evil.example' }, without, /localhost/],
    ['a proxy on this machine', { via: '1.1 proxy' }, without, /via.*ADVICE/],
    ['who shows no credential', {}, withCredential, /the admin token/],
    ['who shows another', { authorization: 'Bearer x' }, withCredential, /the admin token/],
  ])('may not be read by %s', (_, headers, admit, reason) => {
    const refusal = metricsRefusal(request(headers), admit, admit === withCredential, 'ADVICE')
    expect(refusal).toMatch(reason)
  })

  it('are not refused for a failure of ours', () => {
    const broken = () => {
      throw new TypeError('oops')
    }
    expect(() => metricsRefusal(request(), broken, true, '')).toThrow(TypeError)
  })
})

it.each([
  ['/a', '/a', null],
  ['/a?token=b', '/a', 'b'],
  ['/a?x?token=b&token=c', '/a', 'c'],
  ['?token=b', '', 'b'],
  ['', '', null],
])('of the address %j the path is %j and the token %j', (url, path, token) => {
  expect(pathOf(request({}, url))).toBe(path)
  expect(queryOf(request({}, url)).get('token')).toBe(token)
})

it('an operator is named by the proof that was shown, or by being on this machine', () => {
  const shown = request({ authorization: 'Bearer secret' })
  expect(withCredential && operatorOf(shown, withCredential)).toEqual({
    name: 'admin token',
    address: '127.0.0.1:7',
  })
  expect(without && operatorOf(request(), without)).toMatchObject({ name: 'HTTP on loopback' })
  expect(() => withCredential && operatorOf(request(), withCredential)).toThrow(CredentialError)
})
