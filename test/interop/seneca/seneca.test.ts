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

const findAll = VERSIONS.map((version) => {
  const path = here(`node_modules/seneca-${version}`)
  return `require.resolve(${JSON.stringify(path)})`
})

const cases = VERSIONS.flatMap((version) =>
  (['tcp', 'http'] as const).flatMap((transport) =>
    [{ version: 1 }, {}].map((args) => ({ version, transport, args, with: JSON.stringify(args) })),
  ),
)

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

        const acts = EXCHANGES.map(({ act }) => ({ role: 'sessions', ...use.args, ...act }))
        const args = [here('client.cjs'), version, transport, `${portOf(listener)}`]
        const client = await run(process.execPath, args, { input: JSON.stringify(acts) })
        expect(client).toMatchObject({ code: 0, stderr: '' })

        const ids = [...new Set(client.stdout.match(UUID))]
        const stdout = client.stdout.replace(UUID, (id) => `session ${ids.indexOf(id) + 1}`)
        // Over HTTP this one shows no more of an error than the status.
        const isExempt = version === '3.38.0' && transport === 'http'
        const expected = EXCHANGES.map(({ result, error }) => {
          if (error === undefined) {
            return { result }
          }
          const message = expect.stringContaining(`Response Error: ${error.status}`)
          return { error: isExempt ? expect.objectContaining({ message }) : error }
        })
        expect(JSON.parse(stdout)).toEqual(expected)
      },
    )
  },
)
