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

describe('who may watch the list', () => {
  it.each<[string, IncomingHttpHeaders, FeedAccess, number | null]>([
    ['this machine', {}, LOCAL, null],
    ['another name of it', { host: '127.0.0.1:8808' }, LOCAL, null],
    ['the host of an attacker', { host: 'evil.example' }, LOCAL, 403],
    ['a proxy on this machine', { 'x-forwarded-for': '192.0.2.1' }, LOCAL, 403],
    ['any host where the list is public', { host: 'evil.example' }, { isPublic: true }, null],
    ['a proxy where the list is public', { via: '1.1 proxy' }, { isPublic: true }, null],
    ['who shows no token', {}, { isPublic: false, token: TOKEN }, 401],
    [
      'who shows the token, by a proxy',
      { authorization: 'Bearer a+secret', host: 'sessions.example', via: '1.1 proxy' },
      { isPublic: false, token: TOKEN },
      null,
    ],
    [
      'who shows another token',
      { authorization: 'Bearer b' },
      { isPublic: true, token: TOKEN },
      401,
    ],
    ['a page of this host', { origin: 'http://localhost:8808' }, LOCAL, null],
    ['a page of another host', { origin: 'http://evil.example' }, LOCAL, 403],
    ['a page without a host', { origin: 'null' }, LOCAL, 403],
  ])('%s', (_, headers, access, status) => {
    expect(checkViewer(request(headers), access)?.status ?? null).toBe(status)
  })

  it.each(['?token=a%2Bsecret', '?token=a+secret', '?x=1&token=a+secret'])(
    'who shows the token in the address: %s',
    (query) => {
      const access = { isPublic: false, token: TOKEN }
      expect(checkViewer(request({}, `/session-list${query}`), access)).toBeNull()
    },
  )

  it('no page that came without TLS where its request came with it', () => {
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

describe('who may read the metrics', () => {
  it.each<[string, IncomingHttpHeaders, typeof without, boolean, RegExp | null]>([
    ['nobody where there is nothing for operators', {}, null, false, /for operators: ADVICE/],
    ['this machine', {}, without, false, null],
    ['not who calls it by another name', { host: 'evil.example' }, without, false, /localhost/],
    ['not a proxy on it', { via: '1.1 proxy' }, without, false, /via.*ADVICE/],
    [
      'who shows the credential, whatever the host',
      { authorization: 'Bearer secret', host: 'sessions.example' },
      withCredential,
      true,
      null,
    ],
    ['not who shows none', {}, withCredential, true, /the admin token/],
    ['not who shows another', { authorization: 'Bearer x' }, withCredential, true, /admin token/],
  ])('%s', (_, headers, admit, hasCredential, reason) => {
    const refusal = metricsRefusal(request(headers), admit, hasCredential, 'ADVICE')
    if (reason === null) {
      expect(refusal).toBeNull()
    } else {
      expect(refusal).toMatch(reason)
    }
  })

  it('is not decided by a failure', () => {
    const broken = () => {
      throw new TypeError('oops')
    }
    expect(() => metricsRefusal(request(), broken, true, '')).toThrow(TypeError)
  })
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
