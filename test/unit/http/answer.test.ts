import { createServer, type IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../src/core/errors.js'
import {
  type AnswerOptions,
  answer,
  isCall,
  type MetricsPorts,
  refuse,
} from '../../../src/http/answer.js'
import { listenLocally } from '../../support/listen.js'

const METRICS: MetricsPorts = {
  refusal: () => null,
  contentType: 'text/plain; version=0.0.4',
  text: async () => Buffer.from('up 1\n'),
}

/** Asks a server that answers by these options. */
async function ask(path: string, options: Partial<AnswerOptions> = {}, init: RequestInit = {}) {
  const server = createServer((request, response) => {
    answer(request, response, {
      ...{ access: { isPublic: false }, pages: new Map(), isReady: async () => true },
      ...options,
    }).catch(() => response.destroy())
  })
  const port = await listenLocally(server)
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

it('/healthz says that the process is alive, whether or not it is ready', async () => {
  expect(await ask('/healthz', { isReady: async () => false })).toMatchObject({
    ...{ status: 200, text: 'alive\n' },
  })
})

describe('/readyz', () => {
  it('says whether the server can do its work, with what an operator should look at', async () => {
    const findings = () => ['files are damaged']
    expect(await ask('/readyz', { findings })).toMatchObject({
      ...{ status: 200, text: 'ready\nfiles are damaged\n' },
    })
    expect(await ask('/readyz', { isReady: async () => false })).toMatchObject({
      ...{ status: 503, text: 'not ready\n' },
    })
  })
})

describe('/metrics', () => {
  it('has the text and its type, and is kept by no cache', async () => {
    const { status, headers, text } = await ask('/metrics', { metrics: METRICS })
    expect({ status, text }).toEqual({ status: 200, text: 'up 1\n' })
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('is refused with the reason to who may not read it', async () => {
    const refusal = ({ headers }: IncomingMessage) => (headers.host ? 'for operators' : null)
    expect(await ask('/metrics', { metrics: { ...METRICS, refusal } })).toMatchObject({
      ...{ status: 403, text: 'for operators\n' },
    })
  })

  it('is not available while the store is not', async () => {
    const text = () => Promise.reject(new StoreUnavailableError('it is closed'))
    expect(await ask('/metrics', { metrics: { ...METRICS, text } })).toMatchObject({ status: 503 })
  })

  it('breaks off where it fails for any other reason', async () => {
    const text = () => Promise.reject(new TypeError('oops'))
    await expect(ask('/metrics', { metrics: { ...METRICS, text } })).rejects.toThrow()
  })

  it('is no page where there are none', async () => {
    expect(await ask('/metrics')).toMatchObject({ status: 404 })
  })
})

describe('a page', () => {
  const page = {
    body: Buffer.from('<!doctype html>'),
    etag: '"a"',
    headers: { 'Content-Type': 'text/html' },
  }
  const pages = new Map([['/', page]])

  it('is served at its path, whatever follows a question mark', async () => {
    const { status, headers, text } = await ask('/?q', { pages })
    expect({ status, text }).toEqual({ status: 200, text: '<!doctype html>' })
    expect(headers.get('content-type')).toBe('text/html')
  })

  it('is not sent again to a browser that has it', async () => {
    const headers = { 'If-None-Match': 'W/"b", W/"a"' }
    expect(await ask('/', { pages }, { headers })).toMatchObject({ status: 304, text: '' })
    const other = { headers: { 'If-None-Match': '"b"' } }
    expect(await ask('/', { pages }, other)).toMatchObject({ status: 200, text: '<!doctype html>' })
  })

  it('is told under the path of the list that it needs a WebSocket, or why it may not watch', async () => {
    expect(await ask('/session-list', { pages })).toMatchObject({
      ...{ status: 426, text: 'the session list is a WebSocket\n' },
    })
    const access = { isPublic: false, token: { matches: () => false } }
    expect(await ask('/session-list', { pages, access })).toMatchObject({
      ...{ status: 401, text: 'the token of --feed-token is needed\n' },
    })
  })
})

it.each([
  [401, 'WWW-Authenticate: Bearer'],
  [403, null],
  [503, 'Retry-After: 10'],
])('an upgrade that is refused with %i is told %j, the reason, and hung up on', (status, more) => {
  const written: string[] = []
  let isDestroyed = false
  const socket = {
    end(text: string, done: () => void) {
      written.push(text)
      done()
    },
    destroy() {
      isDestroyed = true
    },
  }
  refuse(socket as never, status, 'the reason é')
  const [head = '', body] = (written[0] ?? '').split('\r\n\r\n')
  const lines = head.split('\r\n')
  expect(lines[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(lines).toContain('Content-Length: 14')
  expect(lines.filter((line) => /^(WWW-Authenticate|Retry-After)/.test(line))).toEqual(
    more === null ? [] : [more],
  )
  expect(body).toBe('the reason é\n')
  expect(isDestroyed).toBe(true)
})

it.each(['POST', 'PUT', 'DELETE'])('%s is refused where only pages are', async (method) => {
  const { status, headers } = await ask('/healthz', {}, { method })
  expect(status).toBe(405)
  expect(headers.get('allow')).toBe('GET, HEAD')
})

it.each([
  ['/v1/sessions/open_session', true, true],
  ['/operator/close', true, true],
  ['/v1/sessions/open_session', false, false],
  ['/operator/close', false, false],
  ['/metrics', true, false],
  ['/', true, false],
])('%s, where commands and operators are served: %s, is a call: %s', (url, areServed, expected) => {
  const ports = areServed ? { operator: {} as never, commandable: {} as never } : {}
  expect(isCall({ url } as IncomingMessage, ports)).toBe(expected)
})
