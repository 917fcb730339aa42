import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startSenecaHttp } from '../../../src/seneca/http.js'
import { startSenecaTcp } from '../../../src/seneca/tcp.js'
import { run } from '../../support/process.js'
import { hooks, memorySessions, portOf } from '../../support/seneca.js'
import { haveTool } from '../../support/tools.js'
import { EXCHANGES } from './exchanges.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const VERSIONS = ['0.6.2', '1.4.0', '2.1.0', '3.3.0', '3.38.0']
const TRANSPORTS = { tcp: startSenecaTcp, http: startSenecaHttp }
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

const packages = [...VERSIONS.map((version) => `seneca-${version}`), 'pip-services-net-node']
const findAll = packages.map(
  (name) => `require.resolve(${JSON.stringify(here(`node_modules/${name}`))})`,
)

const cases = VERSIONS.flatMap((version) =>
  (['tcp', 'http'] as const).flatMap((transport) =>
    [{ version: 1 }, {}].map((args) => ({ version, transport, args, with: JSON.stringify(args) })),
  ),
)

/** What the original service's own tests of its client go through, in their order. */
const place = { user_id: '1', user_name: 'User 1', address: 'localhost', client: 'test' }
const theirs = { filter: { user_id: '1', active: true }, paging: null }
const opened = { ...place, active: true, data: 'abc', user: null }
const FIXTURE: readonly [cmd: string, args: object, result: object][] = [
  ['open_session', { ...place, user: null, data: 'abc' }, opened],
  ['store_session_data', { session_id: '$0.id', data: 'xyz' }, { data: 'xyz' }],
  ['get_session_by_id', { session_id: '$0.id' }, { ...opened, data: 'xyz' }],
  ['get_sessions', theirs, { data: [{ address: 'localhost', client: 'test' }] }],
  ['open_session', { ...place, user: null, data: null }, { ...opened, data: null }],
  ['close_session', { session_id: '$4.id' }, { active: false, user: null, data: null }],
  ['get_sessions', theirs, { data: [] }],
  ['delete_session_by_id', { session_id: '$4.id' }, { active: false }],
]

describe.skipIf(!haveTool('seneca', [process.execPath, '--eval', findAll.join()]))(
  'a real Seneca client',
  () => {
    it.concurrent.for(cases)(
      'of $version gets everything over $transport, with $with',
      async (use, { onTestFinished }) => {
        const { version, transport } = use
        const { sessions } = memorySessions()
        const listener = await TRANSPORTS[transport]('127.0.0.1', 0, sessions, hooks())
        onTestFinished(async () => void (await listener.close(0)))

        const acts = EXCHANGES[transport].map(({ act }) => ({
          role: 'sessions',
          ...use.args,
          ...act,
        }))
        const args = [here('client.cjs'), version, transport, `${portOf(listener)}`]
        const client = await run(process.execPath, args, { input: JSON.stringify(acts) })
        expect(client).toMatchObject({ code: 0, stderr: '' })

        const ids = [...new Set(client.stdout.match(UUID))]
        const stdout = client.stdout.replace(UUID, (id) => `session ${ids.indexOf(id) + 1}`)
        // Over HTTP this one shows no more of an error than the status.
        const isExempt = version === '3.38.0' && transport === 'http'
        const expected = EXCHANGES[transport].map(({ result, error }) => {
          if (error === undefined) {
            return { result }
          }
          const message = expect.stringContaining(`Response Error: ${error.status}`)
          return { error: isExempt ? expect.objectContaining({ message }) : error }
        })
        expect(JSON.parse(stdout)).toEqual(expected)
      },
    )

    it.concurrent.for([
      { version: '0.6.2', transport: 'http', way: 'no-host' },
      { version: '0.6.2', transport: 'tcp', way: 'no-host' },
      // Its messages then have no id.
      { version: '3.3.0', transport: 'tcp', way: 'prior' },
      { version: '3.38.0', transport: 'tcp', way: 'prior' },
    ] as const)(
      'of $version over $transport gets its answers, with $way',
      async ({ version, transport, way }, { onTestFinished }) => {
        const { sessions } = memorySessions()
        const listener = await TRANSPORTS[transport]('127.0.0.1', 0, sessions, hooks())
        onTestFinished(async () => void (await listener.close(0)))
        const acts = [
          { role: 'sessions', cmd: 'open_session', user_id: 'ann' },
          { role: 'sessions', cmd: 'get_session_by_id', session_id: '$0.id' },
        ]
        const args = [here('client.cjs'), version, transport, `${portOf(listener)}`, way]
        const client = await run(process.execPath, args, { input: JSON.stringify(acts) })
        expect(client).toMatchObject({ code: 0, stderr: '' })
        const ann = { result: { user_id: 'ann', active: true } }
        expect(JSON.parse(client.stdout)).toMatchObject([ann, ann])
      },
    )

    it.concurrent.for(['tcp', 'http'] as const)(
      'of the original service passes its own tests over %s',
      async (transport, { onTestFinished }) => {
        const { sessions } = memorySessions()
        const listener = await TRANSPORTS[transport]('127.0.0.1', 0, sessions, hooks())
        onTestFinished(async () => void (await listener.close(0)))
        const calls = FIXTURE.map(([cmd, args]) => [cmd, args])
        const args = [here('sessions-client.cjs'), '3.3.0', transport, `${portOf(listener)}`]
        const client = await run(process.execPath, args, { input: JSON.stringify(calls) })
        expect(client).toMatchObject({ code: 0, stderr: '' })
        const expected = FIXTURE.map(([, , result]) => ({ result }))
        expect(JSON.parse(client.stdout)).toMatchObject(expected)
      },
    )
  },
)
