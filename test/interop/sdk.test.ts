import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { expect } from 'vitest'
import { itHasClient, output } from '../support/client-package.js'
import { listenLocally } from '../support/listen.js'
import { ENVIRONMENT, run, sessiond } from '../support/process.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The pages with programs. */
const PAGES = ['docs/sdk.md', 'packaging/client/README.md']
/** What stands at the head of each program. */
const HEAD = `
import * as sdk from 'sessiond-client'
import { watchSessions } from 'sessiond-client/watch'

const [address, silent] = process.argv.slice(2)
const server = sdk.connect(address, { serverKeys: 'any' })
const ownerKey = sdk.generateKey('ed25519')
const place = { userId: 'u' + process.pid, address: 'a', client: 'c' }
const failure = (call) => Promise.resolve().then(call).then(() => 'no failure', (error) => error)
const codes = async (...calls) => (await Promise.all(calls.map(failure))).map((e) => e.code ?? e.message ?? e)
`

/** What the SDK promises, each with a program that knows nothing but the package, and what it prints. */
const RULES: readonly [rule: string, program: string, printed: unknown][] = [
  [
    'fails with one error where nobody listens, whatever is asked',
    `const away = sdk.connect('127.0.0.1:1', { serverKeys: 'any' })
    const watch = async () => {
      const events = watchSessions('ws://127.0.0.1:1/session-list', { WebSocket: Closed, retry: { attempts: 1 } })
      for await (const event of events);
    }
    class Closed extends EventTarget {
      constructor() {
        super()
        setImmediate(() => this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' })))
      }
      close() {}
    }
    const errors = await Promise.all([
      () => sdk.createSession(away, { ownerKey, lifetimeMs: 1000, deadlineMs: 50 }),
      () => sdk.fetchServerKeys(away),
      () => new sdk.SessionsClient(away).list(),
      () => new sdk.AdminClient(away).status(),
      () => new sdk.AdminClient(away).backup().next(),
      () => new sdk.TokensClient(away, sdk.signerOf(ownerKey), { deadlineMs: 50 }).revoke(crypto.randomUUID()),
      watch,
    ].map(failure))
    print(errors.map((error) => error instanceof sdk.ServerUnavailableError && error.code))`,
    Array(7).fill('SERVER_UNAVAILABLE'),
  ],
  [
    'fails with the same error where a server keeps silent',
    `const away = sdk.connect(silent, { serverKeys: 'any' })
    const short = { deadlineMs: 100 }
    print(await codes(
      () => sdk.createSession(away, { ownerKey, lifetimeMs: 1000, ...short }),
      () => sdk.fetchServerKeys(away, short),
      () => new sdk.SessionsClient(away, short).list(),
      () => new sdk.AdminClient(away).status(short),
    ))`,
    Array(4).fill('SERVER_UNAVAILABLE'),
  ],
  [
    'checks addresses where they are given',
    `const refused = ['', 'host', 'host:0', 'http://host:1', '::1', 'two words:1'].map((address) => {
      try {
        sdk.connect(address, { serverKeys: 'any' })
      } catch (error) {
        return error.name
      }
    })
    try {
      watchSessions('host:8808')
    } catch (error) {
      refused.push(error.name)
    }
    print(refused)`,
    Array(7).fill('TypeError'),
  ],
  [
    'says after close() that the connection is closed, to calls under way too',
    `const slow = sdk.connect(silent, { serverKeys: 'any' })
    // A call makes the channel leave the state IDLE, which is 0.
    const begun = new Promise((resolve) => slow.client.getChannel().watchConnectivityState(0, Infinity, resolve))
    const under = codes(() => new sdk.SessionsClient(slow).list(), () => new sdk.AdminClient(slow).check().next())
    await begun
    slow.close()
    const first = await under
    print([...first, ...(await codes(
      () => new sdk.SessionsClient(slow).list(),
      () => sdk.createSession(slow, { ownerKey, lifetimeMs: 1000 }),
    ))])`,
    Array(4).fill('CONNECTION_CLOSED'),
  ],
  [
    'takes a signal in every client',
    `const slow = sdk.connect(silent, { serverKeys: 'any' })
    const signal = AbortSignal.abort(new Error('enough'))
    const late = () => ({ signal: AbortSignal.timeout(50) })
    print((await codes(
      () => new sdk.SessionsClient(slow, { signal }).list(),
      () => new sdk.AdminClient(slow).status({ signal }),
      () => sdk.fetchServerKeys(slow, { signal }),
      () => sdk.createSession(slow, { ownerKey, lifetimeMs: 1000, signal }),
      () => new sdk.TokensClient(slow, sdk.signerOf(ownerKey), { signal }).revoke(crypto.randomUUID()),
      () => new sdk.SessionsClient(slow).get('x', late()).catch((e) => { throw new Error(e.name) }),
      () => new sdk.AdminClient(slow).check(late()).next().catch((e) => { throw new Error(e.name) }),
    )))
    slow.close()`,
    [...Array(5).fill('enough'), 'TimeoutError', 'TimeoutError'],
  ],
  [
    'retries as its policy says, through interceptors',
    `const tried = {}
    const count = (options, next) => {
      const { path } = options.method_definition
      tried[path.split('/')[2]] = (tried[path.split('/')[2]] ?? 0) + 1
      return next(options)
    }
    const away = sdk.connect('127.0.0.1:1', { serverKeys: 'any', interceptors: [count] })
    const retry = { attempts: 3, firstDelayMs: 1 }
    await codes(
      () => new sdk.SessionsClient(away, { retry }).list(),
      () => new sdk.SessionsClient(away).get('x'),
      () => new sdk.AdminClient(away).status({ retry }),
      () => sdk.fetchServerKeys(away, { retry }),
      () => sdk.createSession(away, { ownerKey, lifetimeMs: 1000, retry: { ...retry, attempts: 2 } }),
    )
    print(tried)`,
    { get_sessions: 3, get_session_by_id: 1, GetStatus: 3, GetIdentity: 3, Create: 2 },
  ],
  [
    'takes and gives objects where the server keeps JSON',
    `const sessions = new sdk.SessionsClient(server)
    const { id } = await sessions.open({ ...place, user: { name: 'Zoë' }, data: [1, null] })
    await sessions.storeData(id, { cart: [17] })
    const { user, data } = await sessions.get(id)
    print({ user, data })`,
    { user: { name: 'Zoë' }, data: { cart: [17] } },
  ],
  [
    'tells of a session its kind, until when it lives, and why it ended',
    `const sessions = new sdk.SessionsClient(server)
    const nowMs = Date.now()
    const token = await sdk.createSession(server, { ownerKey, lifetimeMs: 3600_000 })
    const command = await sessions.open(place)
    const toldOf = async ({ id }) => {
      const { kind, expiresAtMs, ending } = await sessions.get(id)
      return [kind, expiresAtMs && Math.round((expiresAtMs - nowMs) / 3600_000), ending?.reason ?? null]
    }
    const open = [await toldOf(token), await toldOf(command)]
    await sessions.close(token.id)
    print([...open, await toldOf(token)])`,
    [
      ['token', 1, null],
      ['command', 24, null],
      ['token', null, 'closed'],
    ],
  ],
  [
    'goes through more sessions than a page has, and refuses to cut a longer one',
    `const sessions = new sdk.SessionsClient(server)
    const userId = 'many' + process.pid
    const some = Array.from({ length: 120 }, (_, i) => ({ userId, address: 'a' + i, client: 'c' }))
    await Promise.all(some.map((one) => sessions.open(one)))
    const found = new Set()
    for await (const { id } of sessions.listAll({ userId })) found.add(id)
    print([found.size, ...(await codes(() => sessions.list({ userId, take: 1000 })))])`,
    [120, 'a page has at most 100 sessions, not 1000: use listAll'],
  ],
  [
    'has codes of its own for what a server refuses',
    `const sessions = new sdk.SessionsClient(server)
    print(await codes(
      () => sessions.storeData('none', 1),
      () => sessions.open({ ...place, userId: '' }),
      () => sdk.createSession(server, { ownerKey, lifetimeMs: 1e15 }),
    ))`,
    ['NOT_FOUND', 'MISSING_FIELD', 'INVALID_LIFETIME'],
  ],
  [
    'reads and writes public keys as text and as bytes, and base58',
    `const [key] = await sdk.fetchServerKeys(server)
    const texts = ['hex', 'base58', 'pem'].map((form) => sdk.publicKeyToText(key, form))
    const pinned = [key, ...texts].map((one) => sdk.connect(address, { serverKeys: [one] }))
    const opened = await Promise.all(pinned.map((one) => sdk.createSession(one, { ownerKey, lifetimeMs: 60_000 })))
    pinned.forEach((one) => one.close())
    const same = sdk.fromBase58(sdk.toBase58(key))
    print([opened.length, Buffer.compare(same, key), texts[2].split('\\n')[0]])`,
    [4, 0, '-----BEGIN PUBLIC KEY-----'],
  ],
  [
    'has sessions that are JSON, and loses nothing of them',
    `const session = await sdk.createSession(server, { ownerKey, lifetimeMs: 60_000 })
    const read = sdk.CreatedSession.fromJson(JSON.parse(JSON.stringify(session)))
    const { isDeepStrictEqual } = await import('node:util')
    const info = await new sdk.SessionsClient(server).get(session.id)
    print([isDeepStrictEqual(read, session), isDeepStrictEqual(JSON.parse(JSON.stringify(info)), info), info.kind])`,
    [true, true, 'token'],
  ],
  [
    'closes what a scope disposes of',
    `const one = sdk.connect(address, { serverKeys: 'any' })
    one[Symbol.dispose]()
    const other = sdk.connect(address, { serverKeys: 'any' })
    await other[Symbol.asyncDispose]()
    print(await codes(() => new sdk.SessionsClient(one).list(), () => new sdk.SessionsClient(other).list()))`,
    ['CONNECTION_CLOSED', 'CONNECTION_CLOSED'],
  ],
]

itHasClient.for(RULES)('the SDK %s', async ([, program, printed], { project, server, task }) => {
  const silent = createServer().on('connection', (socket) => socket.on('error', () => {}))
  const port = await listenLocally(silent)
  const file = join(project, `${task.id}.mjs`)
  await writeFile(
    file,
    `${HEAD}\nconst print = (value) => console.log(JSON.stringify(value))\n${program}\nserver.close()\nprocess.exit()`,
  )
  const args = ['--no-addons', file, server.address, `127.0.0.1:${port}`]
  expect(JSON.parse(await output(project, process.execPath, ...args))).toEqual(printed)
})

itHasClient(
  'every program of docs/sdk.md and of the README of sessiond-client runs against a server',
  async ({ project, server }) => {
    const docs = join(project, 'docs')
    await mkdir(join(docs, 'node_modules'), { recursive: true })
    await symlink(join(ROOT, 'node_modules/ws'), join(docs, 'node_modules/ws'))
    await writeFile(join(docs, 'package.json'), '{ "type": "module" }')
    await sessiond(['keygen', '--out', join(docs, 'owner.key')])
    const pages = await Promise.all(PAGES.map((page) => readFile(join(ROOT, page), 'utf8')))
    const programs = Array.from(
      pages.join('\n').matchAll(/^```ts\n([\s\S]*?)\n```/gm),
      ([, code = '']) => code,
    )
    expect(programs.length).toBeGreaterThan(8)
    const env = { ...ENVIRONMENT, SERVER_KEY: server.publicKey }
    const here = (code: string) =>
      code
        .replaceAll("'sessiond/client'", "'sessiond-client'")
        .replaceAll("'sessiond/", "'sessiond-client/")
        .replaceAll('127.0.0.1:8090', server.address)
        .replaceAll('127.0.0.1:8808', new URL(server.http).host)
    const input = programs.map((_, i) => join(docs, `${i}.ts`))
    await Promise.all(input.map((file, i) => writeFile(file, here(programs[i] as string))))
    const rolldownOptions = { input, external: /^(?:sessiond-client|ws$|node:)/ }
    await build({
      ...{ configFile: false, root: docs, logLevel: 'error' },
      // What Node 20 runs: it has no `using`.
      build: { ssr: true, target: 'es2022', outDir: docs, emptyOutDir: false, rolldownOptions },
    })
    const check = async (code: string, i: number) => {
      const ran = await run(process.execPath, ['--no-addons', `${i}.js`], { cwd: docs, env })
      expect({ code, ended: ran.code, stderr: ran.stderr }).toEqual({ code, ended: 0, stderr: '' })
    }
    await Promise.all(programs.map(check))
  },
)
