import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  createSession,
  generateKey,
  publicKeyFromText,
  signerOf,
  TokensClient,
} from '../../src/client/index.js'
import { ownerText } from '../../src/core/owner-text.js'
import { issueToken, tokenToText, type Verb } from '../../src/tokens/index.js'
import { freeAddress } from '../support/free-port.mjs'
import { ENVIRONMENT, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { havePython, PYTHON } from '../support/python.js'
import { haveTool, interopTool } from '../support/tools.js'
import { otherAddresses, Terminal, transcriptsOf } from '../support/transcript.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/gateway')
const NGINX = interopTool('nginx/usr/sbin/nginx', 'nginx')
const MODULES = '/usr/lib/nginx/modules'
const INSTALLED_MODULES = interopTool(`nginx${MODULES}`, MODULES)
const TOKEN = 'a-gateway-token-of-enough-characters'

/** Starts a program; `atEnd` ends it. */
function start(
  command: string,
  args: readonly string[],
  atEnd: (end: () => Promise<void>) => void,
) {
  const child = spawn(command, args, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  atEnd(async () => {
    child.kill()
    await closed
  })
  return child
}

/** A server, an owner's session with tokens and JWTs of it, and the example's folder with addresses that are free. */
const itShown = it
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('directory', { scope: 'file' }, async ({}, { onCleanup }) => {
    const directory = await temporaryDirectory(onCleanup)
    await cp(EXAMPLE, directory, { recursive: true })
    // For nginx's workers, which are nobody where its master is root.
    await chmod(directory, 0o755)
    return directory
  })
  .extend('server', { scope: 'file' }, async ({ directory }, { onCleanup }) => {
    const file = join(directory, 'tokens.json')
    await writeFile(file, JSON.stringify({ gateway: TOKEN }))
    const dataDir = join(directory, 'data')
    const server = await startServer({ dataDir, args: ['--introspection-tokens', file] })
    onCleanup(async () => void (await server.stop()))
    const { stdout } = await sessiond(['identity', '--data-dir', dataDir])
    const serverKeys = [publicKeyFromText(stdout.trim(), 'the identity')]
    return { ...server.ready, serverKeys, stop: () => server.stop() }
  })
  .extend('session', { scope: 'test' }, async ({ server }, { onCleanup }) => {
    const connection = connect(server.grpc, { serverKeys: server.serverKeys })
    onCleanup(() => connection.close())
    const ownerKey = generateKey('ed25519')
    const owner = signerOf(ownerKey)
    const session = await createSession(connection, { ownerKey, lifetimeMs: 3_600_000 })
    const tokens = new TokensClient(connection, owner)
    const { id } = session
    return {
      id,
      owner: ownerText(session.owner),
      tokenTo: async (verb: Verb) => tokenToText(await issueToken({ session, verb }, owner)),
      jwtFor: (audience: string) => tokens.issueJwt({ id, audience: [audience] }),
      revoke: () => tokens.revoke(id),
    }
  })
  .extend('service', { scope: 'file' }, async ({ directory, server }, { onCleanup }) => {
    const python = start(PYTHON, [join(directory, 'service.py'), '0', server.http], onCleanup)
    const [line] = await once(createInterface(python.stdout), 'line')
    return `${line}`.replace('listening on ', '')
  })

/** Waits until something answers there. */
const untilUp = (url: string) =>
  expect
    .poll(() =>
      fetch(url).then(
        () => 'up',
        () => 'away',
      ),
    )
    .toBe('up')

/** Its status, its challenge, and what it says. */
async function ask(url: string, bearer: string | null, headers: Record<string, string> = {}) {
  const authorization = bearer === null ? undefined : `Bearer ${bearer}`
  const response = await fetch(url, {
    headers: { ...headers, ...(authorization && { authorization }) },
  })
  const challenge = response.headers.get('www-authenticate')
  return { status: response.status, challenge, text: await response.text() }
}

/** The JWT with another claim, under the same signature. */
function changed(jwt: string): string {
  const [header, payload = '', signature] = jwt.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const longer = Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 1 }))
  return `${header}.${longer.toString('base64url')}.${signature}`
}

describe.skipIf(!havePython('jwt, cryptography'))('the service of examples/gateway', () => {
  itShown('takes a JWT that is for it, by PyJWT and the JWKS', async ({ service, session }) => {
    const { status, text } = await ask(service, await session.jwtFor('photos'))
    const { id, owner } = session
    expect([status, JSON.parse(text)]).toEqual([200, { owner, session: id, gateway: null }])
  })

  itShown('refuses every other', async ({ service, session }) => {
    const jwt = await session.jwtFor('photos')
    const refused = {
      InvalidAudienceError: await session.jwtFor('music'),
      InvalidSignatureError: changed(jwt),
      DecodeError: await session.tokenTo('OBJECT_GET'),
    }
    for (const [error, shown] of Object.entries(refused)) {
      const { status, text } = await ask(service, shown)
      expect([status, JSON.parse(text)]).toEqual([401, { error }])
    }
    expect(await ask(service, null)).toMatchObject({ status: 401 })
  })

  itShown('does not hear of an end, as its README says', async ({ service, session }) => {
    const jwt = await session.jwtFor('photos')
    await session.revoke()
    expect(await ask(service, jwt)).toMatchObject({ status: 200 })
  })
})

const itGuarded = itShown.extend(
  'gateway',
  { scope: 'file' },
  async ({ directory, server, service }, { onCleanup }) => {
    const address = await freeAddress()
    const conf = await readFile(join(directory, 'nginx.conf'), 'utf8')
    const rendered = conf
      .replaceAll('127.0.0.1:8080', address)
      .replaceAll('http://127.0.0.1:9000', service)
      .replaceAll('http://127.0.0.1:8808', server.http)
      .replaceAll(MODULES, INSTALLED_MODULES)
    await writeFile(join(directory, 'nginx.conf'), rendered)
    const authorization = `proxy_set_header Authorization "Bearer ${TOKEN}";`
    await writeFile(join(directory, 'gateway-token.conf'), authorization)
    start(NGINX, ['-e', 'stderr', '-p', directory, '-c', 'nginx.conf'], onCleanup)
    const url = `http://${address}`
    await untilUp(url)
    return url
  },
)

const haveNginx =
  haveTool('nginx', [NGINX, '-v']) &&
  havePython('jwt, cryptography') &&
  haveTool('curl', ['curl', '--version'])
const haveOpenssl = haveTool('openssl', ['openssl', 'version'])
describe.skipIf(!haveNginx)('nginx as in examples/gateway', () => {
  itGuarded(
    'lets pass who has a token for the method, or a JWT for it',
    async ({ gateway, session }) => {
      const url = `${gateway}/files/hello.txt`
      for (const shown of [await session.tokenTo('OBJECT_GET'), await session.jwtFor('photos')]) {
        expect(await ask(url, shown)).toMatchObject({
          status: 200,
          text: await readFile(join(EXAMPLE, 'files/hello.txt'), 'utf8'),
        })
      }
    },
  )

  itGuarded('refuses everyone else', async ({ gateway, session }) => {
    const url = `${gateway}/files/hello.txt`
    const jwt = await session.jwtFor('photos')
    const invalid = { status: 401, challenge: 'Bearer error="invalid_token"' }
    const insufficient = { status: 403, challenge: 'Bearer error="insufficient_scope"' }
    expect(await ask(url, null)).toMatchObject({ status: 401, challenge: 'Bearer' })
    expect(await ask(url, 'no token')).toMatchObject({ status: 401, challenge: 'Bearer' })
    expect(await ask(url, changed(jwt))).toMatchObject(invalid)
    expect(await ask(url, await session.tokenTo('OBJECT_PUT'))).toMatchObject(insufficient)
    expect(await ask(url, await session.jwtFor('music'))).toMatchObject(insufficient)
  })

  itGuarded(
    'tells the service whose session it is, whatever the client says',
    async ({ gateway, session }) => {
      const { text, status } = await ask(`${gateway}/photos/1`, await session.jwtFor('photos'), {
        'x-session-owner': 'somebody else',
      })
      expect(status).toBe(200)
      expect(JSON.parse(text)).toMatchObject({ owner: session.owner, gateway: session.owner })
    },
  )

  itGuarded('refuses a session from its end on', async ({ gateway, session }) => {
    const url = `${gateway}/files/hello.txt`
    const shown = [await session.tokenTo('OBJECT_GET'), await session.jwtFor('photos')]
    await session.revoke()
    for (const one of shown) {
      expect(await ask(url, one)).toMatchObject({ status: 401 })
    }
  })

  itGuarded('lets nobody pass while it cannot ask', async ({ gateway, session, server }) => {
    const token = await session.tokenTo('OBJECT_GET')
    await server.stop()
    expect(await ask(`${gateway}/files/hello.txt`, token)).toMatchObject({ status: 500 })
  })
})

describe.skipIf(!haveNginx || !haveOpenssl)('examples/gateway', () => {
  it('shows whoever types what it says what it shows', async () => {
    const root = await temporaryDirectory(onTestFinished)
    await chmod(root, 0o755)
    for (const name of ['dist', 'node_modules', 'package.json']) {
      await symlink(join(ROOT, name), join(root, name))
    }
    const example = join(root, 'examples/gateway')
    await cp(EXAMPLE, example, { recursive: true })
    const addresses = await otherAddresses({
      ...{ grpc: '127.0.0.1:8090', http: '127.0.0.1:8808' },
      // In the service's address the port stands alone.
      ...{ gateway: '127.0.0.1:8080', service: '127.0.0.1:9000' },
    })
    const { grpc, http, gateway, service } = addresses.others
    const put = (text: string) =>
      addresses.put(text).replace('service.py 9000', `service.py ${service.split(':')[1]}`)
    const conf = await readFile(join(example, 'nginx.conf'), 'utf8')
    await writeFile(join(example, 'nginx.conf'), put(conf).replace(MODULES, INSTALLED_MODULES))
    const env = {
      ...{
        SESSIOND_GRPC: grpc,
        SESSIOND_SERVER: grpc,
        SESSIOND_HTTP: http,
        SESSIOND_SENECA: 'off',
      },
      ...{ SESSIOND_DATA_DIR: './data', SESSIOND_LOG_FORMAT: 'text' },
      PATH: [dirname(NGINX), dirname(PYTHON), ENVIRONMENT.PATH].join(':'),
    }
    const open = () => new Terminal(root, env, { ...addresses, put })
    const [serving = [], proxying = [], answering = [], ...rest] = await transcriptsOf(
      'examples/gateway/README.md',
    )
    for (const [steps, ready] of [
      [serving, /is ready[\s\S]*Control-C stops it/],
      [proxying, /^/],
      [answering, /^listening on http:\/\/127.0.0.1:9000\n/],
    ] as const) {
      const terminal = open()
      for (const step of steps.slice(0, -1)) {
        await terminal.run(step)
      }
      await terminal.start(steps.at(-1)?.command ?? '', ready)
    }
    await untilUp(`http://${gateway}`)
    const terminal = open()
    for (const step of rest.flat()) {
      await terminal.run(step)
    }
  })
})
