import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { run, startServer, temporaryDirectory } from '../../support/process.js'
import { haveTool } from '../../support/tools.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

const ann = { user_id: 'ann', user_name: 'Ann', address: '10.0.0.1', client: 'web' }
const bob = { user_id: 'bob', user_name: '', address: '', client: '' }
const open = { active: true, open_time: TIME, request_time: TIME, close_time: null }
const user = { roles: ['admin'], text: 'naïve ☕' }
const first = { id: 'session 1', ...ann, ...open, user, data: [1, { two: null }] }
const second = { id: 'session 2', ...bob, ...open, user: null, data: null }
const closed = { ...first, active: false, close_time: TIME, user: null, data: null }

function listed({ user, data, ...session }: typeof first | typeof second) {
  return session
}

/** An error as these clients throw it. */
const refused = (
  category: string,
  status: number,
  code: string,
  message: string,
  details: object,
) => ({
  error: { type: code, category, status, code, message, correlation_id: 'c', details },
})
const missing = (field: string) =>
  refused('BadRequest', 400, 'MISSING_FIELD', `${field} is required`, { field })
const notFound = refused('NotFound', 404, 'NOT_FOUND', 'there is no session none', {
  session_id: 'none',
})
const conflict = refused(
  'Conflict',
  409,
  'CONFLICT',
  'session session 1 has ended: nothing was written',
  {
    session_id: 'session 1',
  },
)

/** What is called, and what comes of it. `$N.path` stands for a value of the Nth result. */
const EXCHANGES: readonly (readonly [call: readonly unknown[], outcome: object])[] = [
  [['openSession', 'c', 'ann', 'Ann', '10.0.0.1', 'web', user, first.data], { result: first }],
  [['openSession', 'c', 'bob', null, null, null, null, null], { result: second }],
  [['openSession', 'c', 'bob', '', '', '', null, null], { result: second }],
  [['openSession', 'c', null, 'Ann', 'a', 'c', null, null], missing('user_id')],
  [
    ['getSessions', 'c', { filter: { user_id: 'ann', active: true } }, { paging: [0, 10, true] }],
    { result: { total: 1, data: [listed(first)] } },
  ],
  [
    ['getSessions', 'c', { filter: {} }, { paging: [] }],
    { result: { total: null, data: [listed(second), listed(first)] } },
  ],
  [
    ['getSessions', 'c', null, null],
    { result: { total: null, data: [listed(second), listed(first)] } },
  ],
  [
    ['getSessions', 'c', { filter: { userId: 'ann' } }, { paging: [] }],
    {
      error: expect.objectContaining({
        code: 'INVALID_FIELD',
        category: 'BadRequest',
        status: 400,
      }),
    },
  ],
  [['getSessionById', 'c', '$0.id'], { result: first }],
  [['getSessionById', 'c', 'none'], { result: null }],
  [['getSessionById', 'c', ''], missing('session_id')],
  [['storeSessionData', 'c', '$0.id', { n: 1 }], { result: { ...first, data: { n: 1 } } }],
  [['storeSessionData', 'c', '$0.id', null], { result: { ...first, data: null } }],
  [['storeSessionData', 'c', 'none', 1], notFound],
  [['updateSessionUser', 'c', '$0.id', 'x'], { result: { ...first, data: null, user: 'x' } }],
  [['updateSessionUser', 'c', 'none', 'x'], notFound],
  [['closeSession', 'c', '$0.id'], { result: closed }],
  [['closeSession', 'c', '$0.id'], { result: closed }],
  [['closeSession', 'c', 'none'], { result: null }],
  [['getSessionById', 'c', '$0.id'], { result: closed }],
  [['storeSessionData', 'c', '$0.id', 1], conflict],
  [['closeExpiredSessions', 'c'], { result: null }],
  [['deleteSessionById', 'c', '$0.id'], { result: closed }],
  [['deleteSessionById', 'c', '$0.id'], { result: null }],
  [['getSessionById', 'c', '$0.id'], { result: null }],
]

/**
 * What `SessionsGrpcClientV1` makes of it. It sends no filter, sees no error, takes a page's absent total for 0, and
 * an empty time for now.
 */
function asTypedClientSees([method, , , paging]: readonly unknown[], outcome: object): object {
  if (method === 'getSessions') {
    const asksTotal = (paging as { paging?: unknown[] } | null)?.paging?.[2] === true
    const data = [second, first].map((session) => seen({ ...session, user: null, data: null }))
    return { result: { total: asksTotal ? 2 : 0, data } }
  }
  const { result = null } = outcome as { result?: typeof first | null }
  return { result: result && seen(result) }
}

const seen = (session: object) => ({ ...session, close_time: TIME })

const find = `require.resolve(${JSON.stringify(here('node_modules/client-sessions-node'))})`

describe.skipIf(!haveTool('sessions-clients', [process.execPath, '--eval', find]))(
  'a client of the original sessions service',
  () => {
    it.concurrent.for([
      ['SessionsCommandableHttpClientV1', 'http'],
      ['SessionsCommandableGrpcClientV1', 'grpc'],
      ['SessionsGrpcClientV1', 'grpc'],
    ] as const)('gets everything: %s', async ([name, listener], { onTestFinished }) => {
      const directory = await temporaryDirectory(onTestFinished)
      const server = await startServer({ dataDir: join(directory, 'data') })
      onTestFinished(() => server.stop().then(() => {}))
      const port = server.ready[listener].split(':').at(-1) ?? ''

      const exchanges = EXCHANGES.map(([call, outcome]) =>
        name === 'SessionsGrpcClientV1'
          ? [call, asTypedClientSees(call, outcome)]
          : [call, outcome],
      )
      const client = await run(process.execPath, [here('client.cjs'), name, port], {
        input: JSON.stringify(exchanges.map(([call]) => call)),
      })
      expect(client).toMatchObject({ code: 0, stderr: '' })

      const ids = [...new Set(client.stdout.match(UUID))]
      const stdout = client.stdout.replace(UUID, (id) => `session ${ids.indexOf(id) + 1}`)
      expect(JSON.parse(stdout)).toEqual(exchanges.map(([, outcome]) => outcome))
    })
  },
)
