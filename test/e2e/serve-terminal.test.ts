import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { freeAddress } from '../support/free-port.mjs'
import { spawnServer, startServer, temporaryDirectory } from '../support/process.js'
import { haveTerminal, onTerminal } from '../support/terminal.js'

/** Runs a server on a terminal until Control-C. Returns what it showed, and its exit code. */
async function serveOnTerminal(...more: string[]) {
  const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
  const addresses = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0', '--seneca', 'off']
  const args = ['serve', '--data-dir', dataDir, ...addresses, ...more]
  const { code, shown } = await onTerminal(args, /Control-C stops it|"event":"ready"/, '\x03')
  return { code, shown: shown.replaceAll('\r\n', '\n'), dataDir }
}

it.skipIf(!haveTerminal())(
  'serve prints for people on a terminal: addresses, the page, and the next command',
  async () => {
    const { code, shown, dataDir } = await serveOnTerminal()
    expect(code).toBe(0)
    expect(shown).toMatch(
      /^sessiond \S+ is ready\.\n\n {2}gRPC {4}127\.0\.0\.1:\d+\n {2}page {4}http:\/\/127\.0\.0\.1:\d+\n/m,
    )
    expect(shown).toMatch(
      new RegExp(
        `\\$ node \\S+main\\.js create --server 127\\.0\\.0\\.1:\\d+ --server-key "\\$\\(node \\S+ identity --data-dir ${dataDir}\\)"\n`,
      ),
    )
    expect(shown).toMatch(/^\d\d:\d\d:\d\d info {2}stopped: stopped\n/m)
  },
)

it.skipIf(!haveTerminal())('serve prints JSON on a terminal with --log-format json', async () => {
  const { code, shown } = await serveOnTerminal('--log-format', 'json')
  expect(code).toBe(0)
  expect(shown).toMatch(/^\{"level":"info",.*"event":"ready"/m)
  expect(shown).not.toContain('is ready.')
})

it('serve prints text elsewhere with --log-format text, and JSON by itself', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  await (await startServer({ dataDir })).stop()
  const http = await freeAddress()
  const text = spawnServer({ dataDir, args: ['--log-format', 'text', '--http', http] })
  await expect
    .poll(() =>
      fetch(`http://${http}/healthz`).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200)
  const { code, stdout } = await text.stop()
  expect(code).toBe(0)
  expect(stdout).toMatch(/^sessiond \S+ is ready\.$/m)
  expect(stdout).not.toContain('{"level"')
})

it('serve warns of a variable that looks like ours and means nothing', async () => {
  const dataDir = await temporaryDirectory(onTestFinished)
  const env = { SESSIOND_GPRC: '127.0.0.1:1', SESSIOND_PORT_8090_TCP: 'tcp://10.0.0.1:8090' }
  const server = spawnServer({ dataDir, env })
  expect(await server.event('unknown-variable')).toMatchObject({
    level: 'warn',
    variable: 'SESSIOND_GPRC',
    meant: 'SESSIOND_GRPC',
  })
  await server.event('ready')
  expect((await server.stop()).stdout).not.toContain('SESSIOND_PORT')
})
