import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { CredentialError, StoreUnavailableError } from '../../../src/core/errors.js'
import { answerOperator, type OperatorPorts } from '../../../src/http/operator.js'
import { startFeed } from '../../support/feed-server.js'
import { listenLocally } from '../../support/listen.js'
import { HOUR_MS, START_MS, sessionsAt } from '../../support/sessions.js'

const TOKEN = 'a token for the test'
const OPERATOR = { name: 'admin token', address: '127.0.0.1:1' }

async function start(ports: Partial<OperatorPorts> = {}) {
  const at = sessionsAt()
  const failures: unknown[] = []
  const options = {
    onFailure: (error: unknown) => failures.push(error),
    operator: {
      sessions: at.sessions,
      operator({ headers }: IncomingMessage) {
        if (headers.authorization !== `Bearer ${TOKEN}`) {
          throw new CredentialError('the token')
        }
        return OPERATOR
      },
      onInternalError: (call: string, error: unknown) => failures.push([call, error]),
      ...ports,
    },
  }
  const { server, sessions, audited } = await startFeed(options, { at })
  /** Posts as the page does, but for the headers given; undefined leaves one out. */
  const post = (
    action: string,
    body: object | string,
    headers: Record<string, string | undefined> = {},
  ) =>
    new Promise<{ status: number; answer: Record<string, unknown> }>((resolve, reject) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const given = Object.entries({
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        'content-length': `${Buffer.byteLength(text)}`,
        ...headers,
      }).filter(([, value]) => value !== undefined)
      const url = `${server.address}/operator/${action}`
      const call = request(url, { method: 'POST', headers: Object.fromEntries(given) as never })
      call.on('error', reject)
      call.on('response', async (response) => {
        const chunks = await response.setEncoding('utf8').toArray()
        const json = chunks.join('')
        const answer = json.startsWith('{') ? JSON.parse(json) : { text: json }
        resolve({ status: response.statusCode ?? 0, answer })
      })
      call.end(text)
    })
  return { sessions, audited, post, failures, server }
}

const place = (address: string) => ({ userId: 'ada', userName: 'Ada', address, client: 'app' })

describe('the operator mode', () => {
  it('looks at a session, closes it, and leaves an audit entry', async () => {
    const { sessions, audited, post } = await start()
    const one = await sessions.open(place('here'))
    await sessions.open(place('there'))
    expect(await post('look', { session_id: one.id })).toEqual({
      status: 200,
      answer: {
        ...{ user_id: 'ada', user_name: 'Ada', open_sessions: 2, kind: 'command' },
        ...{ expires_at_ms: START_MS + HOUR_MS, ending: null },
      },
    })
    expect(await post('close', { session_id: one.id })).toMatchObject({ answer: { closed: 1 } })
    expect(await post('close', { session_id: one.id })).toMatchObject({ answer: { closed: 0 } })
    expect(await post('look', { session_id: one.id })).toMatchObject({
      answer: { open_sessions: 1, ending: { reason: 'closed', by: OPERATOR.name } },
    })
    expect(await sessions.get(one.id)).toMatchObject({ active: false })
    expect(audited[0]).toMatchObject({ action: 'close', caller: OPERATOR })
  })

  it('closes every session of a user, however many, and of no other', async () => {
    const { sessions, post } = await start()
    await Promise.all(Array.from({ length: 150 }, (_, i) => sessions.open(place(`a${i}`))))
    const other = await sessions.open({ ...place('here'), userId: 'bob' })
    expect(await post('close-user', { user_id: 'ada' })).toMatchObject({ answer: { closed: 150 } })
    expect((await sessions.list({ active: true })).sessions).toEqual([other])
  })

  it.each([
    ['no credential', { authorization: undefined }, 401, 'CREDENTIAL_REQUIRED'],
    ['a wrong one', { authorization: 'Bearer another' }, 401, 'CREDENTIAL_REQUIRED'],
    ['the Origin of another site', { origin: 'https://evil.example' }, 403, undefined],
    ['a Host that was made to point here', { host: 'evil.example' }, 403, undefined],
    ['what a form can send', { 'content-type': 'text/plain' }, 400, 'MALFORMED'],
  ])('refuses %s', async (_, headers, status, code) => {
    const { sessions, post } = await start()
    const { id } = await sessions.open(place('here'))
    const refused = await post('close', { session_id: id }, headers)
    expect(refused.status).toBe(status)
    expect(refused.answer.code).toBe(code)
    expect(await sessions.get(id)).toMatchObject({ active: true })
  })

  it.each([
    ['close', '{}', 400, 'MISSING_FIELD'],
    ['close', '{"session_id":7}', 400, 'MISSING_FIELD'],
    ['close', '{"session_id":', 400, 'MALFORMED'],
    ['close', 'null', 400, 'MALFORMED'],
    ['close', `{"session_id":"${'x'.repeat(5000)}"}`, 400, 'MALFORMED'],
    ['close', '{"session_id":"nobody"}', 404, 'NOT_FOUND'],
    ['look', '{"session_id":"nobody"}', 404, 'NOT_FOUND'],
    ['close-user', `{"user_id":"${'x'.repeat(300)}"}`, 400, 'INVALID_FIELD'],
    ['toString', '{}', 404, 'NOT_FOUND'],
    ['', '{}', 404, 'NOT_FOUND'],
  ])('answers %s of %.30s with what is wrong', async (action, body, status, code) => {
    const { post } = await start()
    const refused = await post(action, body)
    expect(refused).toMatchObject({ status, answer: { code } })
  })

  it('tells of a store that is away, and nothing of what went wrong inside', async () => {
    const fails = (error: Error) => ({
      get: () => Promise.reject(error),
      list: () => Promise.reject(error),
      close: () => Promise.reject(error),
      expiresAtMs: () => null,
    })
    const away = await start({ sessions: fails(new StoreUnavailableError('a write failed')) })
    expect(await away.post('close', { session_id: 'x' })).toMatchObject({
      status: 503,
      answer: { code: 'STORE_UNAVAILABLE' },
    })
    const broken = await start({ sessions: fails(new Error('secret detail')) })
    expect(await broken.post('close', { session_id: 'x' })).toEqual({
      status: 500,
      answer: { code: 'INTERNAL', message: 'internal error' },
    })
    expect(broken.failures).toEqual([['operator close', expect.any(Error)]])
  })

  it('takes a caller who goes away in the middle of a request for no failure', async () => {
    const failures: unknown[] = []
    const ports: OperatorPorts = {
      sessions: sessionsAt().sessions,
      operator: () => OPERATOR,
      onInternalError: (_, error) => failures.push(error),
    }
    const server = createServer()
    const port = await listenLocally(server)
    const call = request(`http://127.0.0.1:${port}/operator/look`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '50' },
    })
    call.on('error', () => {})
    call.write('{"')
    const [asked, response] = await once(server, 'request')
    const answered = answerOperator(asked, response, ports)
    call.destroy()
    await answered
    expect(asked.errored).toBeInstanceOf(Error)
    expect(failures).toEqual([])
  })

  it('takes POST alone', async () => {
    const { server } = await start()
    expect((await fetch(`${server.address}/operator/check`)).status).toBe(404)
  })
})
