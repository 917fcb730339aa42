import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, readFile } from 'node:fs/promises'
import http, { type RequestListener, type Server } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import { run, startServer, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HEALTHCHECK = join(ROOT, 'packaging/healthcheck.js')
const NOBODY = 65534

const directory = await temporaryDirectory(afterAll)
const app = join(directory, 'app')
const dataDir = join(directory, 'data')
await mkdir(app)
await mkdir(dataDir)

/** What follows it runs where every file system is read-only, but for the data directory, and without a home. */
const READ_ONLY = `
  set -e
  mount --bind "$1" "$1"
  findmnt -rno TARGET | grep -vE '^/(dev|proc|sys)(/|$)' | grep -vxF "$1" | while read -r target; do
    mount -o remount,bind,ro "$target"
  done
  cd /
  shift
  exec env --unset=HOME "$@"`
const confined: [string, ...string[]] = ['unshare', '--mount']
if (process.getuid?.() === 0) {
  const user = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--no-new-privs']
  confined.push('sh', '-c', READ_ONLY, 'sh', dataDir, 'setpriv', ...user)
  await chmod(directory, 0o755)
  await chown(dataDir, NOBODY, NOBODY)
} else {
  confined.push('--map-root-user', 'sh', '-c', READ_ONLY, 'sh', dataDir)
}

/** Puts into `app` what the last stage of the Dockerfile does: the package, and what it needs at run time. */
async function assembleImage(): Promise<void> {
  // Without `prepack`, which would build anew under the feet of other tests.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory]
  const packed = await run('npm', pack, { cwd: ROOT })
  const tarball = join(directory, packed.stdout.trim())
  await run('tar', ['-xzf', tarball, '-C', app, '--strip-components', '1'])
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  for (const [path, { dev }] of Object.entries<{ dev?: true }>(lock.packages)) {
    const from = join(ROOT, path)
    if (path !== '' && dev !== true && existsSync(from)) {
      await cp(from, join(app, path), { recursive: true, filter: isNeededHere(from) })
    }
  }
}

/** Leaves out sources, other platforms' parts, and packages that the lock file names themselves. */
const isNeededHere = (root: string) => (path: string) =>
  !['node_modules', 'deps'].includes(basename(path.slice(root.length))) &&
  !/\/prebuilds\/(?!linux-)/.test(path)

describe.skipIf(!haveTool('unshare', [...confined, process.execPath, '--version']))(
  'the image, on a read-only file system and as an unprivileged user',
  () => {
    beforeAll(assembleImage)

    it('serves, is found healthy, and ends on SIGTERM', async () => {
      const server = await startServer({
        dataDir: join(dataDir, 'sessiond'),
        wrapper: confined,
        entry: join(app, 'dist/cli/main.js'),
      })
      const client = createClient(server.ready.grpc)
      await expect(client.create(createRequest())).resolves.toHaveProperty('id')
      client.close()
      expect(await healthcheck(server.ready.http)).toBe(0)
      expect(await server.stop()).toMatchObject({ code: 0, signal: null, stderr: '' })
      expect(await healthcheck(server.ready.http)).toBe(1)
    })

    // What the test above shows rests on this.
    it.each([app, directory, '/tmp', '/'])('could not write to %s', async (elsewhere) => {
      const [program, ...args] = [...confined, 'touch', join(elsewhere, 'written')]
      expect(await run(program, args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Read-only file system'),
      })
    })
  },
)

/** What the health check of the image ends with. */
async function healthcheck(address: string): Promise<number | null> {
  const env = { ...process.env, SESSIOND_HTTP: address }
  return (await run(process.execPath, [HEALTHCHECK], { env })).code
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answer =
  (status: number): RequestListener =>
  (request, response) =>
    response.writeHead(request.url === '/readyz' ? status : 404).end()

describe('the health check', () => {
  it.each([
    [200, 0],
    [503, 1],
  ])('takes an answer of %i as exit code %i', async (status, code) => {
    expect(await healthcheck(await listen(http.createServer(answer(status))))).toBe(code)
  })

  it.skipIf(!haveTool('openssl', ['openssl', 'version']))('speaks TLS where it must', async () => {
    const [key, cert] = [join(directory, 'tls.key'), join(directory, 'tls.crt')]
    const subject = ['-subj', '/CN=sessions.example', '-keyout', key, '-out', cert]
    await run('openssl', ['req', '-x509', '-newkey', 'ed25519', '-nodes', ...subject])
    const pair = { key: await readFile(key), cert: await readFile(cert) }
    for (const [status, code] of [
      [200, 0],
      [503, 1],
    ] as const) {
      expect(await healthcheck(await listen(https.createServer(pair, answer(status))))).toBe(code)
    }
  })
})
