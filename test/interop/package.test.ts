import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'vite'
import { expect } from 'vitest'
import { alice, carol, carolSha512, hop } from '../support/envelope.js'
import { itServed } from '../support/interop.js'
import { ENVIRONMENT, run, startServer } from '../support/process.js'
import { CAROLS_ACCOUNT, SESSION_ID } from '../support/tokens.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/.bin/tsc')

/** A program that knows nothing but the package's two entries. */
const PROGRAM = `
import { connect, createSession, generateKey, prepareRequest, publicKeyFromText } from 'sessiond/client'
import { readCreateRequest, requestDigest } from 'sessiond/envelope'

const [address, serverKey] = process.argv.slice(2)
const connection = connect(address, { serverKeys: [publicKeyFromText(serverKey, 'argv')] })
const ownerKey = generateKey('ed25519')
const { id, publicKey } = await createSession(connection, { ownerKey, lifetimeMs: 60_000 })
connection.close()

const prepared = prepareRequest(
  { ownerKey, lifetimeMs: 60_000, idempotencyKey: 'k' }, connection.epochs, Date.now())
const { message, idempotencyKey } = readCreateRequest(prepared.bytes)
console.log(JSON.stringify({
  id, publicKey: publicKey.length, idempotencyKey, digest: requestDigest(message),
}))
`

const TYPED_PROGRAM = `
import { connect, type CreatedSession, createSession, generateKey } from 'sessiond/client'
import { readCreateRequest } from 'sessiond/envelope'

const connection = connect('127.0.0.1:8090', { serverKeys: 'any' })
const ownerKey = generateKey('p256')
export const opened: Promise<CreatedSession> = createSession(connection, { ownerKey, lifetimeMs: 1 })
export const exp: bigint = readCreateRequest(new Uint8Array()).lifetime.exp
// @ts-expect-error A lifetime is a number: were the types missing, this would pass.
void createSession(connection, { ownerKey, lifetimeMs: '1h' })
`

/** A page that issues and checks tokens. */
const PAGE = `
import { checkToken, issueToken, tokenFromText, tokenToText } from 'sessiond/token'

// What comes from outside is of another realm.
const own = (bytes) => Uint8Array.from(bytes)
globalThis.run = async ({ publicKey, owner, ...rest }, signer, { content, signature }) => {
  const session = { publicKey: own(publicKey), owner: own(owner), ...rest }
  const sign = async (message) => own(signer.sign(message))
  const token = await issueToken(
    { session, verb: 'OBJECT_PUT' }, { publicKey: own(signer.publicKey), sign })
  const proof = { content: own(content), signature: own(signature) }
  const epoch = session.lifetime.nbf
  const checked = [proof, { ...proof, content: token }].map((shown) =>
    checkToken(tokenFromText(tokenToText(token)), { verb: 'OBJECT_PUT', epoch, proof: shown }))
  return checked.map(({ reason = 'good' }) => reason)
}
`

/** Runs a program to its good end and returns what it printed. */
async function output(cwd: string, program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, { cwd })
  expect({ code, output: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, output: '' })
  return stdout.trim()
}

/** An otherwise empty project that has installed the package, as `npm pack` writes it. */
const itInstalled = itServed.extend('project', { scope: 'file' }, async ({ directory }) => {
  const project = join(directory, 'project')
  await mkdir(project)
  // Without `prepack`, which would build anew under the feet of other tests.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory]
  const tarball = await output(ROOT, 'npm', ...pack)
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline']
  await output(project, 'npm', 'install', ...quiet, join(directory, tarball))
  return project
})

itInstalled('gives the command `npx sessiond`', async ({ project }) => {
  expect(await output(project, 'npx', 'sessiond', '--version')).toMatch(/^\d+\.\d+\.\d+/)
})

itInstalled('does not bring the package of its client a second time', async ({ project }) => {
  const folders = await readdir(join(project, 'node_modules/sessiond/dist'))
  expect(folders).toContain('client')
  expect(folders).not.toContain('sessiond-client')
})

itInstalled('serves by `npx sessiond serve`', async ({ project }) => {
  // npx ends at a signal without handing it on; a terminal gives it to both, as is done here.
  const npx = spawn(
    'npx',
    ['sessiond', 'serve', '--grpc', '127.0.0.1:0', '--seneca', 'off', '--http', 'off'],
    {
      cwd: project,
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const events: string[] = []
  for await (const line of createInterface(npx.stdout)) {
    const { event } = JSON.parse(line)
    events.push(event)
    if (event === 'ready') {
      process.kill(-(npx.pid as number), 'SIGTERM')
    }
  }
  expect(events).toEqual(['ready', 'stopping', 'stopped'])
})

itInstalled('ends with 0 on SIGTERM', async ({ project, directory }) => {
  const server = await startServer({
    dataDir: join(directory, 'installed-data'),
    entry: join(project, 'node_modules/.bin/sessiond'),
  })
  expect(await server.stop()).toMatchObject({ code: 0, signal: null })
})

itInstalled('has an SDK that loads no native code', async ({ project, server }) => {
  await writeFile(join(project, 'program.js'), PROGRAM)
  const args = ['--no-addons', 'program.js', server.address, server.publicKey]
  expect(JSON.parse(await output(project, process.execPath, ...args))).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    publicKey: 32,
    idempotencyKey: 'k',
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  // Shows that --no-addons would have told.
  for (const native of ['sodium-native', 'classic-level']) {
    const load = ['--no-addons', '--input-type=module', '--eval', `await import('${native}')`]
    expect((await run(process.execPath, load, { cwd: project })).stderr).toMatch(/load.* addon/)
  }
})

itInstalled('has types that hold under strict', async ({ project }) => {
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    skipLibCheck: false,
    noEmit: true,
  }
  await writeFile(join(project, 'program.ts'), TYPED_PROGRAM)
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['program.ts'] }),
  )
  await output(project, TSC, '--project', '.')
})

itInstalled('has tokens that a browser issues and checks', async ({ project }) => {
  await writeFile(join(project, 'page.js'), PAGE)
  await build({
    root: project,
    configFile: false,
    logLevel: 'error',
    build: {
      lib: { entry: 'page.js', formats: ['iife'], name: 'page', fileName: () => 'page.js' },
    },
  })
  const code = await readFile(join(project, 'dist/page.js'), 'utf8')
  // Only what browsers have: no Buffer, no process, no modules of Node.
  const page = createContext({ TextEncoder, TextDecoder, crypto, performance, console })
  runInContext(code, page)
  const content = Buffer.from('the request')
  for (const [owner, key] of [
    [alice.publicKey, hop],
    [CAROLS_ACCOUNT, carol],
  ] as const) {
    const signer = owner === CAROLS_ACCOUNT ? carolSha512 : alice
    const lifetime = { exp: 9n, nbf: 1n, iat: 1n }
    const session = { id: SESSION_ID, publicKey: key.publicKey, owner, lifetime }
    const proof = { content, signature: key.sign(content) }
    expect(await page.run(session, signer, proof)).toEqual(['good', 'BAD_PROOF'])
  }
})
