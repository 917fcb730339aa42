import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { run, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

it.skipIf(!haveTool('openssl', ['openssl', 'version']))(
  'the commands of docs/operations.md make authorities that a server and an operator can use',
  async () => {
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const [, recipe = ''] =
      /<!-- authority -->\s+```bash\n([\s\S]*?)```\s+<!-- \/authority -->/.exec(page) ?? []
    const cwd = await temporaryDirectory(onTestFinished)
    const script = `set -e\n${recipe.replace('DNS:sessions.example', 'IP:127.0.0.1')}`
    const made = await run('bash', ['-c', script], { cwd })
    expect(made, made.stderr).toMatchObject({ code: 0 })

    const file = (name: string) => join(cwd, name)
    const dataDir = file('data')
    const server = await startServer({
      dataDir,
      args: [
        ...['--tls-cert', file('tls.crt'), '--tls-key', file('tls.key')],
        ...['--tls-client-ca', file('operator-ca.pem')],
      ],
    })
    onTestFinished(async () => void (await server.stop()))
    const status = (...args: string[]) =>
      sessiond(['status', '--server', server.ready.grpc, ...args])
    const trusted = ['--tls-ca', file('server-ca.pem')]
    const alice = ['--tls-cert', file('alice.crt'), '--tls-key', file('alice.key')]
    expect(await status(...trusted, ...alice)).toMatchObject({ code: 0, stderr: '' })
    expect(await status(...trusted)).toMatchObject({ code: 1, stdout: '' })
    // The server's own certificate makes nobody an operator.
    const own = ['--tls-cert', file('tls.crt'), '--tls-key', file('tls.key')]
    expect(await status(...trusted, ...own)).toMatchObject({ code: 1, stdout: '' })
    const backup = ['backup', file('b'), '--server', server.ready.grpc, ...trusted, ...alice]
    expect(await sessiond(backup)).toMatchObject({ code: 0 })
    expect(await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).toContain('alice')
  },
)
