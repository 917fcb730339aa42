import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'vite'
import { describe, expect } from 'vitest'
import { itHasClient, output } from '../support/client-package.js'
import { haveTool } from '../support/tools.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TOOLS = join(ROOT, 'test/interop/commonjs/node_modules')
const haveTools = haveTool('commonjs', [
  process.execPath,
  '--eval',
  `['jest', 'typescript'].map((name) => require.resolve(${JSON.stringify(TOOLS)} + '/' + name))`,
])
const SERVER = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
/** What `sessiond` exports, and what that is called here. */
const TWINS = Object.keys(SERVER.exports)
  .filter((path) => path !== './package.json')
  .map((path) => ({ path, name: join('sessiond-client', path === './client' ? '.' : path) }))

describe('the package sessiond-client', () => {
  itHasClient('is of the version of the server, and has its license', async ({ project }) => {
    const folder = join(project, 'node_modules/sessiond-client')
    const { version, engines } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    expect({ version, engines }).toEqual({ version: SERVER.version, engines: SERVER.engines })
    expect(await readFile(join(folder, 'LICENSE'))).toEqual(await readFile(join(ROOT, 'LICENSE')))
    const bundled = await readFile(join(folder, 'LICENSES.md'), 'utf8')
    expect(bundled).toContain('@noble/curves')
    expect(bundled).toContain('@bufbuild/protobuf')
  })

  itHasClient('brings 33 packages, no native code and no part of a server', async ({ project }) => {
    const files = await readdir(join(project, 'node_modules'), { recursive: true })
    const packages = files.filter((file) =>
      /^(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+\/package\.json$/.test(file),
    )
    expect(packages).toHaveLength(34)
    expect(files.filter((file) => /\.node$|binding\.gyp$|prebuilds/.test(file))).toEqual([])
    const own = files.filter((file) => file.startsWith('sessiond-client/'))
    expect(
      own.filter((file) => /\/(?:server|stores|cli|seneca|http|minting|offline)\//.test(file)),
    ).toEqual([])
    const texts = own.filter((file) => /\.m?js$/.test(file))
    for (const file of texts) {
      const text = await readFile(join(project, 'node_modules', file), 'utf8')
      expect(text, file).not.toMatch(/sodium-native|classic-level|\bpino\b|commander/)
    }
  })

  itHasClient.for(TWINS)('has as $name what sessiond has as $path', async (twin, { project }) => {
    const own = await import(pathToFileURL(join(ROOT, SERVER.exports[twin.path])).href)
    const name = JSON.stringify(twin.name)
    const print = (keys: string) => `console.log(JSON.stringify(Object.keys(${keys}).sort()))`
    for (const args of [
      ['--eval', print(`require(${name})`)],
      ['--input-type=module', '--eval', print(`await import(${name})`)],
    ]) {
      const printed = await output(project, process.execPath, '--no-addons', ...args)
      expect(JSON.parse(printed)).toEqual(Object.keys(own).sort())
    }
  })

  itHasClient(
    'opens a session from a .cjs file, with classes that all modules share',
    async ({ project, server }) => {
      await writeFile(join(project, 'program.cjs'), COMMONJS_PROGRAM)
      const printed = await output(
        project,
        process.execPath,
        '--no-addons',
        'program.cjs',
        server.address,
        server.publicKey,
      )
      expect(JSON.parse(printed)).toEqual({
        id: 36,
        data: { cart: [1] },
        token: true,
        isSame: true,
      })
    },
  )

  itHasClient('has tokens and a watch for browsers, as ES modules', async ({ project }) => {
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
    expect(code).not.toMatch(/require\(|node:/)
    // Only what browsers have: no Buffer, no process, no modules of Node.
    const page = createContext({ TextEncoder, TextDecoder, URL, crypto, performance, console })
    runInContext(code, page)
    expect(page.run()).toEqual(['MALFORMED', 'TypeError'])
  })
})

describe.skipIf(!haveTools)('the package sessiond-client, in projects of CommonJS', () => {
  itHasClient('is loaded by Jest', async ({ project, server }) => {
    await writeFile(join(project, 'sdk.test.js'), JEST_TEST)
    const config = JSON.stringify({
      rootDir: project,
      testRegex: 'sdk\\.test\\.js$',
      transform: {},
      globals: { address: server.address },
    })
    const jest = [join(TOOLS, 'jest/bin/jest.js'), '--config', config, '--watchman=false', '--ci']
    await output(project, process.execPath, ...jest)
  })

  const TSC_5 = join(TOOLS, 'typescript/bin/tsc')
  const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
  itHasClient.for([
    ['node10', TSC_5, { module: 'commonjs', moduleResolution: 'node10' }, 'program.ts'],
    ['bundler', TSC, { module: 'esnext', moduleResolution: 'bundler' }, 'program.ts'],
    ['nodenext, CommonJS', TSC, { module: 'nodenext' }, 'program.cts'],
    ['nodenext, ES modules', TSC, { module: 'nodenext' }, 'program.mts'],
  ] as const)(
    'has types that hold under strict: %s',
    async ([, tsc, options, file], { project }) => {
      const compilerOptions = {
        ...options,
        ...{ strict: true, target: 'es2022', lib: ['es2023'], types: ['node'] },
        ...{ skipLibCheck: false, noEmit: true },
      }
      await writeFile(join(project, file), TYPED_PROGRAM)
      await writeFile(
        join(project, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: [file] }),
      )
      await output(project, process.execPath, tsc, '--project', '.')
    },
  )
})

const COMMONJS_PROGRAM = `
const { connect, createSession, generateKey, SessiondError, SessionsClient, signerOf } = require('sessiond-client')
const { issueToken } = require('sessiond-client/token')

async function main([address, serverKey]) {
  const server = connect(address, { serverKeys: [serverKey] })
  const ownerKey = generateKey('ed25519')
  const session = await createSession(server, { ownerKey, lifetimeMs: 60_000 })
  const sessions = new SessionsClient(server)
  const { id } = await sessions.open({ userId: 'u', address: 'a', client: 'c', data: { cart: [1] } })
  const token = await issueToken({ session, verb: 'OBJECT_GET' }, signerOf(ownerKey))
  const { data } = await sessions.get(id)
  server.close()
  const others = ['token', 'watch', 'envelope'].map((name) => require('sessiond-client/' + name))
  others.push(await import('sessiond-client'))
  const isSame = others.every((one) => one.SessiondError === SessiondError)
  console.log(JSON.stringify({ id: session.id.length, data, token: token.length > 100, isSame }))
}
main(process.argv.slice(2))
`

const JEST_TEST = `
const { connect, ServerUnavailableError, SessionsClient } = require('sessiond-client')
const { VERBS } = require('sessiond-client/token')
const { watchSessions } = require('sessiond-client/watch')
const { MAX_LEVELS } = require('sessiond-client/envelope')

test('calls a server', async () => {
  const server = connect(address, { serverKeys: 'any' })
  const page = await new SessionsClient(server).list({ userId: 'nobody' })
  expect(page).toEqual({ sessions: [], total: null })
  server.close()
  const nobody = connect('127.0.0.1:1', { serverKeys: 'any' })
  await expect(new SessionsClient(nobody).list()).rejects.toThrow(ServerUnavailableError)
  nobody.close()
  expect([VERBS.length > 5, MAX_LEVELS > 1, typeof watchSessions]).toEqual([true, true, 'function'])
})
`

const TYPED_PROGRAM = `
import { connect, type CreatedSession, createSession, generateKey, RefusedError, type SessiondError, SessionsClient } from 'sessiond-client'
import { checkToken, type TokenVerdict } from 'sessiond-client/token'
import { readCreateRequest } from 'sessiond-client/envelope'
import { Guard } from 'sessiond-client/guard'
import { type WatchEvent, watchSessions } from 'sessiond-client/watch'

const connection = connect('127.0.0.1:8090', { serverKeys: 'any' })
const ownerKey = generateKey('p256')
export const opened: Promise<CreatedSession> = createSession(connection, { ownerKey, lifetimeMs: 1 })
export const exp: bigint = readCreateRequest(new Uint8Array()).lifetime.exp
export const verdict: TokenVerdict = checkToken(new Uint8Array(), { verb: 'OBJECT_GET', epoch: 1n, proof: 'not-asked' })
export const events: AsyncIterable<WatchEvent> = watchSessions('ws://127.0.0.1/')
export type Verdict = ReturnType<Guard['check']>
export async function dataOf(id: string): Promise<unknown> {
  return (await new SessionsClient(connection).get(id))?.data
}
// The codes are a closed set.
export function isKnown({ code }: SessiondError): boolean {
  switch (code) {
    case 'QUOTA_EXCEEDED':
    case 'CONNECTION_CLOSED':
      return true
    // @ts-expect-error No error has this code.
    case 'QUOTA_EXCEDED':
      return true
    default:
      return false
  }
}
export const codeOf = (error: RefusedError) => error.code satisfies SessiondError['code']
// @ts-expect-error A lifetime is a number: were the types missing, this would pass.
void createSession(connection, { ownerKey, lifetimeMs: '1h' })
`

const PAGE = `
import { checkToken } from 'sessiond-client/token'
import { SessiondError, watchSessions } from 'sessiond-client/watch'

globalThis.run = () => {
  const { reason } = checkToken(new Uint8Array(3), { verb: 'OBJECT_PUT', epoch: 1n })
  try {
    watchSessions('http://127.0.0.1/', { WebSocket: class {} })
  } catch (error) {
    return [reason, error instanceof SessiondError ? 'SessiondError' : error.name]
  }
}
`
