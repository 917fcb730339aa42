import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Metadata, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ErrorInfo } from '#generated/google/rpc/error_details'
import { Status } from '#generated/google/rpc/status'
import { CreateRequest } from '#generated/session/service'
import { ownerIdOf, privateKeyFromPem, publicKeyOf } from '../../src/client/index.js'
import { ownerText } from '../../src/core/owner-text.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { readCreateRequest } from '../../src/envelope/create.js'
import { newOwner } from '../support/create.js'
import { verifiers } from '../support/envelope.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { startScriptedServer } from '../support/scripted-server.js'

const directory = await temporaryDirectory(afterAll)
let dataDir: string
let ownerKey: string
let server: ServerProcess
let serverKey: string

beforeAll(async () => {
  dataDir = join(directory, 'data')
  ownerKey = join(directory, 'owner.key')
  server = await startServer({ dataDir })
  await sessiond(['keygen', '--out', ownerKey])
  serverKey = (await sessiond(['identity', '--data-dir', dataDir])).stdout.trim()
})
afterAll(async () => {
  await server.stop()
})

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const done = (stdout: unknown, stderr: unknown = '') => ({ code: 0, signal: null, stdout, stderr })

/** Nothing on standard output, whole sentences on standard error, and no stack. */
async function fails(code: number, problem: string | RegExp, ...args: string[]) {
  const finished = await sessiond(args)
  expect(finished).toEqual({
    code,
    signal: null,
    stdout: '',
    stderr: expect.stringMatching(problem),
  })
  expect(finished.stderr).not.toMatch(/^ +at |node:internal|\[(cause|Symbol)/m)
  return finished.stderr
}

describe('sessiond', () => {
  // Those of all others: test/unit/cli/program.test.ts
  it.each([[], ['serve'], ['sessions', 'list']])('%s --help shows examples', async (...command) => {
    const { code, stdout } = await sessiond([...command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage: sessiond/)
    expect(stdout).toMatch(/^Examples:\n {2}\$ sessiond /m)
  })

  it('--version is that of the package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'))
    expect(await sessiond(['--version'])).toEqual(done(`${version}\n`))
  })

  it.each([
    ['no such command', ['dance'], /unknown command 'dance'/],
    ['no such option', ['create', '--speed', '9'], /unknown option '--speed'/],
    ['an option that is nearly one', ['status', '--sever', 'a:1'], /Did you mean --server\?/],
    [
      'an option of serve that is nearly one',
      ['serve', '--max-lifetme', '1h', '--weather'],
      /^sessiond: --max-lifetme: there is no such option \(did you mean --max-lifetime\?\)\nsessiond: --weather: there is no such option\n$/,
    ],
    ['a value out of the set', ['keygen', '--type', 'rsa'], /ed25519, p256/],
    [
      'all bad values at once',
      ['create', '--lifetime', 'x', '--epoch-length', 'y'],
      /--lifetime: .*\n.*--epoch-length: /,
    ],
    ['a server without a port', ['clock', '--server', 'localhost'], /--server: "localhost" is not/],
    ['a server that is a URL', ['status', '--server', 'http://a:1'], /--server: "http:.* is not/],
    ['a port beyond the last', ['identity', '--server', 'a:99999'], /--server: "a:99999" is not/],
    ['no server', ['sessions', 'list', '--server', ''], /--server: "" is not/],
    [
      'a first epoch that is yet to come',
      ['request', '--epoch-genesis', '9999-01-01'],
      /^sessiond: --epoch-genesis: the request would be older/,
    ],
    [
      'all bad keys, owners and durations at once',
      ['create', '--server-key', 'abc', 'def', '--owner', 'hex:0', '--deadline', 'x'],
      /(sessiond: --server-key: is not a public key.*\n){2}sessiond: --owner: owner "hex:0" is not hexadecimal behind its prefix/,
    ],
    [
      'options of a stopped server that is not named',
      ['check', '--config', 'c.json', '--retention', '1d'],
      /^sessiond: --config: only with --data-dir\nsessiond: --retention: only with --data-dir\n$/,
    ],
    [
      'a bad key to pin',
      ['identity', '--server', 'localhost:1', '--server-key', 'abc'],
      /^sessiond: --server-key: is not a public key/,
    ],
    [
      'a bad deadline',
      ['create', '--deadline', 'x'],
      /^sessiond: --deadline: "x" is not a duration/,
    ],
  ])('ends with 2 for %s', async (_, args, problem) => {
    await fails(2, problem, ...args)
  })
})

describe('sessiond keygen', () => {
  it.each([
    ['ed25519', []],
    ['ed25519', ['--type', 'ed25519']],
    ['p256', ['--type', 'p256']],
  ])('makes an %s key for its owner’s eyes alone', async (type, args) => {
    const file = join(directory, `${type}${args.length}.key`)
    const { code, stdout } = await sessiond(['keygen', '--out', file, '--json', ...args])
    expect(code).toBe(0)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const key = privateKeyFromPem(await readFile(file, 'utf8'), file)
    expect(JSON.parse(stdout)).toEqual({
      file,
      type,
      public_key: hex(publicKeyOf(key)),
      owner: ownerText(ownerIdOf(key)),
    })
    expect(key.type).toBe(type)
  })

  it('says the same to people', async () => {
    const file = join(directory, 'human.key')
    const { stdout } = await sessiond(['keygen', '--out', file])
    expect(stdout).toMatch(
      /^wrote .*human\.key\npublic key {2}[\da-f]{64}\nowner id {4}\w+ \(base58\)\n$/,
    )
  })

  it('never replaces a key', async () => {
    const file = join(directory, 'kept.key')
    await writeFile(file, 'precious')
    await fails(4, /^sessiond: .*kept\.key: already exists/, 'keygen', '--out', file)
    expect(await readFile(file, 'utf8')).toBe('precious')
  })
})

describe('sessiond identity', () => {
  it("prints the server's public key", async () => {
    const pem = await readFile(join(dataDir, 'identity.pem'), 'utf8')
    expect(serverKey).toBe(hex(publicKeyOf(privateKeyFromPem(pem, 'identity.pem'))))
    expect(
      await sessiond(['identity', '--identity-key', join(dataDir, 'identity.pem'), '--json']),
    ).toEqual(done(`{"public_key":"${serverKey}"}\n`))
  })

  it('fails where there is none', async () => {
    const problem = 'identity.pem: is not there: a server makes it at its first start'
    await fails(4, problem, 'identity', '--data-dir', join(directory, 'none'))
  })
})

describe('sessiond create', () => {
  const create = (...args: string[]) =>
    sessiond(['create', '--server', server.ready.grpc, '--key', ownerKey, ...args])

  it('prints what was opened', async () => {
    expect(await create('--server-key', serverKey)).toEqual(
      done(
        expect.stringMatching(
          /^session {5}[\da-f-]{36}\npublic key {2}[\da-f]{64}\nowner id {4}\w+ \(base58\)\nexpires {5}\S+Z \(epoch \d+ is its last\)\nserver key {2}[\da-f]{64}\n$/,
        ),
      ),
    )
  })

  it('prints the session as JSON with --json', async () => {
    const { stdout } = await create('--server-key', serverKey, '--lifetime', '90s', '--json')
    const { lifetime, expires, ...made } = JSON.parse(stdout)
    expect(made).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      public_key: expect.stringMatching(/^[\da-f]{64}$/),
      owner: expect.stringMatching(/^\w+$/),
      server_key: serverKey,
    })
    expect(BigInt(lifetime.exp) - BigInt(lifetime.iat)).toBe(90n)
    expect(Date.parse(expires)).toBe(1000 * (Number(lifetime.exp) + 1))
  })

  it('says how to pin the key of a server that it took at its word', async () => {
    const { code, stderr } = await create()
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `The server's key was not checked: pin it with --server-key ${serverKey}\n`,
    })
  })

  it('takes one of several pinned keys', async () => {
    const { code } = await create('--server-key', hex(newOwner().publicKey), serverKey)
    expect(code).toBe(0)
  })

  it('asks again for the session of an earlier call', async () => {
    const started = `${Math.floor(Date.now() / 1000) - 5}`
    const args = ['--idempotency-key', 'login', '--issued-at', started, '--json']
    const [first, second] = [await create(...args), await create(...args)]
    expect(JSON.parse(second.stdout)).toEqual(JSON.parse(first.stdout))
    expect(JSON.parse(first.stdout).lifetime.iat).toBe(started)
  })

  it('opens a session for an N3 account', async () => {
    const n3 = join(directory, 'n3.key')
    await sessiond(['keygen', '--type', 'p256', '--out', n3])
    const { code, stdout } = await create('--key', n3, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).owner).toMatch(/^N\w{33}$/)
  })

  it('fails with 1 where another server answers than the pinned one', async () => {
    const other = hex(newOwner().publicKey)
    const problem = `^sessiond: the response cannot be trusted: it is signed by ${serverKey}, which is not a pinned server key\n$`
    const { ready } = server
    await fails(
      1,
      new RegExp(problem),
      'create',
      '--server',
      ready.grpc,
      '--key',
      ownerKey,
      '--server-key',
      other,
    )
  })

  it('fails with 1 where the server refuses, in its words', async () => {
    const args = ['--server', server.ready.grpc, '--key', ownerKey, '--lifetime', '31d']
    await fails(
      1,
      /^sessiond: body\.lifetime\.exp .* is more than 2592000 epochs away/,
      'create',
      ...args,
    )
  })

  it.each([
    ['STORE_LOCKED', 'no\x1b]0;forged\x07'],
    ['constructor', 'no\u009b2J\u202e'],
  ])(
    'fails with 1 whatever a server says, reason %s, and shows no control character of it',
    async (reason, details) => {
      const info = { reason, domain: '', metadata: new Map() }
      const any = { typeUrl: 'google.rpc.ErrorInfo', value: ErrorInfo.encode(info).finish() }
      const metadata = new Metadata()
      const encoded = Status.encode({ code: 9, message: '', details: [any] }).finish()
      metadata.set('grpc-status-details-bin', Buffer.from(encoded))
      const refusal = { code: status.FAILED_PRECONDITION, details, metadata }
      const { address } = await startScriptedServer(onTestFinished, () => refusal)
      const args = ['--server', address, '--key', ownerKey]
      await fails(1, /^sessiond: no\\u\{[\x20-\x7e]+\n$/, 'create', ...args)
    },
  )

  it('fails with 1 where nobody listens', async () => {
    const args = ['--server', '127.0.0.1:1', '--key', ownerKey, '--deadline', '50ms']
    await fails(1, /^sessiond: .+\n$/, 'create', ...args)
  })

  it.each([
    ['a key that is not there', ['--key', 'nowhere.key'], 'nowhere.key: is not there'],
    ['a key that is none', ['--key', 'README.md'], 'README.md: holds no private key'],
  ])('fails with 4 for %s', async (_, args, problem) => {
    await fails(4, problem, 'create', '--server', server.ready.grpc, '--key', ownerKey, ...args)
  })
})

describe('sessiond request', () => {
  it('prints a signed request as proto JSON', async () => {
    const args = ['--key', ownerKey, '--lifetime', '1h', '--client', 'me', '--idempotency-key', 'k']
    const { code, stdout, stderr } = await sessiond(['request', ...args])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const json = JSON.parse(stdout)
    expect(Object.keys(json)).toEqual(['body', 'metaHeader', 'verifyHeader'])
    expect(json.metaHeader.xHeaders).toEqual([
      { key: 'idempotency-key', value: 'k' },
      { key: 'client', value: 'me' },
    ])
    // 64-bit numbers are texts in proto JSON.
    const { exp, iat } = json.body.lifetime
    expect([exp, iat, BigInt(exp) - BigInt(iat)]).toEqual([
      expect.any(String),
      expect.any(String),
      3600n,
    ])

    const bytes = CreateRequest.encode(CreateRequest.fromJSON(json)).finish()
    const key = privateKeyFromPem(await readFile(ownerKey, 'utf8'), ownerKey)
    expect(hex(verifyChain(readCreateRequest(bytes).message, verifiers))).toBe(
      hex(publicKeyOf(key)),
    )
  })

  it('puts a new idempotency key in each where none is given', async () => {
    const keys = new Set<unknown>()
    for (let i = 0; i < 2; i++) {
      const { stdout } = await sessiond(['request', '--key', ownerKey])
      keys.add(JSON.parse(stdout).metaHeader.xHeaders[0].value)
    }
    expect(keys.size).toBe(2)
  })
})
