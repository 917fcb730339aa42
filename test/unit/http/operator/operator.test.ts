import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { CredentialError, StoreUnavailableError } from '../../../../src/core/errors.js'
import { answerOperator, type OperatorPorts } from '../../../../src/http/operator/operator.js'
import { startFeed } from '../../../support/feed-server.js'
import { listenLocally } from '../../../support/listen.js'
import { claimAt, HOUR_MS, START_MS, sessionsAt } from '../../../support/sessions.js'

const TOKEN = 'a token for the test'
const OPERATOR = { name: 'admin token', address: '127.0.0.1:1' }

async function start(ports: Partial<OperatorPorts> = {}) {
  const at = sessionsAt()
  const failures: unknown[] = []
  const options = {
    onFailure: (error: unknown) => failures.push(error),
    operator: {
      sessions: at.sessions,
      search: at.search,
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
  return { ...at, sessions, audited, post, failures, server }
}

const place = (address: string) => ({ userId: 'ada', userName: 'Ada', address, client: 'app' })

describe('the operator mode', () => {
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
    const refused = await post('close', { session_ids: [id] }, headers)
    expect(refused.status).toBe(status)
    expect(refused.answer.code).toBe(code)
    expect(await sessions.get(id)).toMatchObject({ active: true })
  })

  it.each([
    ['close', '{}', 400, 'MISSING_FIELD'],
    ['show', '{}', 400, 'MISSING_FIELD'],
    ['show', '{"session_id":""}', 400, 'MISSING_FIELD'],
    ['show', '{"session_id":7}', 400, 'INVALID_FIELD'],
    ['show', '{"session_id":', 400, 'MALFORMED'],
    ['close', 'null', 400, 'MALFORMED'],
    ['close', `{"session_id":"${'x'.repeat(70_000)}"}`, 400, 'MALFORMED'],
    ['show', '{"session_id":"nobody"}', 404, 'NOT_FOUND'],
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
      delete: () => Promise.reject(error),
      expiresAtMs: () => null,
    })
    const away = await start({ sessions: fails(new StoreUnavailableError('a write failed')) })
    expect(await away.post('show', { session_id: 'x' })).toMatchObject({
      status: 503,
      answer: { code: 'STORE_UNAVAILABLE' },
    })
    const broken = await start({ sessions: fails(new Error('secret detail')) })
    expect(await broken.post('show', { session_id: 'x' })).toEqual({
      status: 500,
      answer: { code: 'INTERNAL', message: 'internal error' },
    })
    expect(broken.failures).toEqual([['operator show', expect.any(Error)]])
  })

  it('takes a caller who goes away in the middle of a request for no failure', async () => {
    const failures: unknown[] = []
    const ports: OperatorPorts = {
      ...sessionsAt(),
      operator: () => OPERATOR,
      onInternalError: (_, error) => failures.push(error),
    }
    const server = createServer()
    const port = await listenLocally(server)
    const call = request(`http://127.0.0.1:${port}/operator/show`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '50' },
    })
    call.on('error', () => {})
    call.write('{"')
    const [asked, response] = await once(server, 'request')
    const answered = answerOperator(asked, response, '/operator/show', ports)
    call.destroy()
    await answered
    expect(asked.errored).toBeInstanceOf(Error)
    expect(failures).toEqual([])
  })

  it('takes POST alone', async () => {
    const { server } = await start()
    expect((await fetch(`${server.address}/operator/check`)).status).toBe(404)
  })

  it('searches by what it is told, page after page', async () => {
    const { sessions, post, time } = await start()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      time.nowMs = START_MS + i
      ids.unshift((await sessions.open(place(`a${i}`))).id)
    }
    await sessions.close(`${ids[4]}`, OPERATOR)
    const first = await post('search', { user: 'ada', limit: 2 })
    expect(first).toMatchObject({
      status: 200,
      answer: { stopped: false, looked_at: 2, reached_at_ms: START_MS + 3, total: 5 },
    })
    const second = await post('search', { user: 'ada', limit: 50, cursor: first.answer.next })
    const found = [first, second].flatMap(
      ({ answer }) => answer.sessions as { session_id: string; state: string }[],
    )
    expect([...new Set(found.map((one) => one.session_id))]).toEqual(ids)
    expect(second.answer).toMatchObject({ next: null, total: null })
    expect(found[0]).toEqual({
      ...{ session_id: ids[0], kind: 'command', state: 'open', user_id: 'ada', user_name: 'Ada' },
      ...{ owner_name: null, address: 'a4', client: 'app', opened_at_ms: START_MS + 4 },
      ...{ request_at_ms: START_MS + 4, expires_at_ms: START_MS + 4 + HOUR_MS },
      ...{ ended_at_ms: null, ending: null },
    })
    const ended = await post('search', { state: 'ended', sort: 'ended', order: 'asc' })
    expect(ended.answer).toMatchObject({
      sessions: [{ session_id: ids[4], state: 'ended', ending: { by: OPERATOR.name } }],
      total: 1,
    })
    const none = await post('search', { text: 'nobody', kind: 'token', state: 'open' })
    expect(none.answer).toMatchObject({ sessions: [], next: null, total: 0 })
  })

  it('shows everything of a session, with every digit of its data', async () => {
    const { sessions, create, post } = await start()
    const data = '{"n": 12345678901234567890.10}'
    const { id } = await sessions.open({ ...place('here'), data, user: null })
    expect((await post('show', { session_id: id })).answer).toMatchObject({
      ...{ session_id: id, state: 'open', owner: null, lifetime: null, public_key: null },
      ...{ is_bound: null, user: null, data },
    })
    const token = await create(claimAt(START_MS, 60))
    const now = START_MS / 1000
    expect((await post('show', { session_id: token.id })).answer).toMatchObject({
      ...{ kind: 'token', owner_name: 'alice', owner: Buffer.from('alice').toString('hex') },
      lifetime: { iat: `${now}`, nbf: `${now}`, exp: `${now + 60}` },
      public_key: Buffer.from(token.token.publicKey).toString('hex'),
      ...{ is_bound: false, user: null, data: null },
    })
    expect(await post('show', { session_id: 'nobody' })).toMatchObject({ status: 404 })
  })

  it('closes and deletes several, says what became of each, and audits each', async () => {
    const { sessions, post, audited } = await start()
    const [one, two] = [await sessions.open(place('1')), await sessions.open(place('2'))]
    await sessions.close(two.id, OPERATOR)
    const ids = [two.id, 'nobody', one.id]
    const closed = {
      outcomes: [
        { session_id: two.id, outcome: 'had_ended' },
        { session_id: 'nobody', outcome: 'not_found' },
        { session_id: one.id, outcome: 'closed' },
      ],
      ...{ closed: 1, deleted: 0 },
    }
    const dry = await post('close', { session_ids: ids, dry_run: true })
    expect(dry).toEqual({ status: 200, answer: closed })
    expect(await sessions.get(one.id)).toMatchObject({ active: true })
    const willBeDeleted = await post('delete', { session_ids: ids, dry_run: true })
    expect(willBeDeleted.answer).toMatchObject({ closed: 1, deleted: 2 })
    expect(await sessions.get(one.id)).not.toBeNull()
    audited.length = 0
    expect(await post('close', { session_ids: ids })).toEqual({ status: 200, answer: closed })
    expect(await post('delete', { session_ids: ids })).toEqual({
      status: 200,
      answer: {
        outcomes: [
          { session_id: two.id, outcome: 'deleted', was_open: false },
          { session_id: 'nobody', outcome: 'not_found' },
          { session_id: one.id, outcome: 'deleted', was_open: false },
        ],
        ...{ closed: 0, deleted: 2 },
      },
    })
    expect(await sessions.get(one.id)).toBeNull()
    const facts = audited.map(({ action, facts: { sessionId } }) => [action, sessionId])
    expect(facts.toSorted()).toEqual(
      ['close', 'delete'].flatMap((action) => [two, one].map(({ id }) => [action, id])).toSorted(),
    )
    expect(audited[0]?.caller).toMatchObject(OPERATOR)
  })

  it('says of each that failed why, and nothing of what went wrong inside', async () => {
    const at = sessionsAt()
    const failing = (error: Error) => ({
      get: at.sessions.get.bind(at.sessions),
      list: at.sessions.list.bind(at.sessions),
      expiresAtMs: () => null,
      close: async (id: string) => {
        if (id === 'bad') {
          throw error
        }
        return null
      },
      delete: () => Promise.reject(error),
    })
    const away = await start({ sessions: failing(new StoreUnavailableError('a write failed')) })
    expect(await away.post('close', { session_ids: ['bad', 'good'] })).toMatchObject({
      status: 200,
      answer: {
        outcomes: [
          { session_id: 'bad', outcome: 'failed', code: 'STORE_UNAVAILABLE' },
          { session_id: 'good', outcome: 'not_found' },
        ],
        closed: 0,
      },
    })
    const broken = await start({ sessions: failing(new Error('secret detail')) })
    expect((await broken.post('delete', { session_ids: ['bad'] })).answer).toEqual({
      outcomes: [
        { session_id: 'bad', outcome: 'failed', code: 'INTERNAL', message: 'internal error' },
      ],
      ...{ closed: 0, deleted: 0 },
    })
    expect(broken.failures).toEqual([['operator delete', expect.any(Error)]])
  })

  it('says how many sessions of a user it would close, and closes as many as it is told', async () => {
    const { sessions, post } = await start()
    await Promise.all(Array.from({ length: 5 }, (_, i) => sessions.open(place(`a${i}`))))
    const body = { user_id: 'ada' }
    expect((await post('close-user', { ...body, dry_run: true })).answer).toEqual({
      open_sessions: 5,
    })
    expect((await post('close-user', { ...body, limit: 3 })).answer).toEqual({
      ...{ closed: 3, is_done: false },
    })
    expect((await post('close-user', body)).answer).toEqual({ closed: 2, is_done: true })
  })

  it.each([
    ['check', { session_id: 'x' }, 'INVALID_FIELD', /^session_id is not known/],
    ['search', { adress: 'x' }, 'INVALID_FIELD', /^adress is not known: there are .*address/],
    ['search', { text: 1 }, 'INVALID_FIELD', /^text must be a text/],
    ['search', { text: '\ud800' }, 'INVALID_FIELD', /^text has half of a surrogate pair/],
    ['search', { kind: 'tokens' }, 'INVALID_FIELD', /^kind must be one of .*"token", "command"/],
    ['search', { state: 'closed' }, 'INVALID_FIELD', /^state must be one of/],
    ['search', { sort: 'user' }, 'INVALID_FIELD', /^sort must be one of/],
    ['search', { order: 'up' }, 'INVALID_FIELD', /^order must be one of/],
    ['search', { limit: 0 }, 'INVALID_FIELD', /^limit must be a whole number from 1 to 100/],
    ['search', { limit: 101 }, 'INVALID_FIELD', /^limit must be/],
    ['search', { limit: '10' }, 'INVALID_FIELD', /^limit must be/],
    ['search', { cursor: 'x' }, 'INVALID_FIELD', /^cursor is none that this server gave/],
    ['search', { owner: 'hex:zz' }, 'INVALID_FIELD', /^owner is none/],
    ['close', { session_ids: [] }, 'INVALID_FIELD', /^session_ids must be a list of 1 to 100/],
    ['close', { session_ids: 'x' }, 'INVALID_FIELD', /^session_ids must be a list/],
    ['close', { session_ids: ['x', 'x'] }, 'INVALID_FIELD', /^session_ids has a text twice/],
    ['close', { session_ids: ['x', 1] }, 'INVALID_FIELD', /^session_ids must be a text/],
    ['close', { session_ids: ['x'], dry_run: 1 }, 'INVALID_FIELD', /^dry_run must be true or/],
    ['show', { session_id: 'x', dry_run: true }, 'INVALID_FIELD', /^dry_run is not known/],
    [
      'delete',
      { session_ids: Array.from({ length: 101 }, (_, i) => `${i}`) },
      'INVALID_FIELD',
      /1 to 100/,
    ],
    ['delete', {}, 'MISSING_FIELD', /^session_ids/],
    ['delete', { session_id: 'x' }, 'MISSING_FIELD', /^session_ids/],
    ['close-user', { user_id: 'x', limit: 1001 }, 'INVALID_FIELD', /^limit must be/],
    ['close-user', { user_id: 'x', dryRun: true }, 'INVALID_FIELD', /^dryRun is not known/],
  ])(
    'refuses what it cannot read, and does nothing: %s %j',
    async (action, body, code, message) => {
      const { post, audited } = await start()
      const refused = await post(action, body)
      expect(refused).toMatchObject({ status: 400, answer: { code } })
      expect(refused.answer.message).toMatch(message)
      expect(audited).toEqual([])
    },
  )

  it('takes an absent and a null field for the same', async () => {
    const { post } = await start()
    const body = { text: null, user: '', kind: null, limit: null, cursor: null }
    expect(await post('search', body)).toMatchObject({ status: 200, answer: { total: 0 } })
  })
})
