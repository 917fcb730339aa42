import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { generateKey, privateKeyToPem } from '../../src/client/index.js'
import { createClient, createRequest } from '../support/create.js'
import { CLI, sessiond, startServer, temporaryDirectory } from '../support/process.js'

let dataDir: string
beforeEach(async () => {
  dataDir = join(await temporaryDirectory(onTestFinished), 'data')
})

const serve = (...args: string[]) =>
  sessiond([
    'serve',
    '--data-dir',
    dataDir,
    '--grpc',
    '127.0.0.1:0',
    '--seneca',
    'off',
    '--http',
    'off',
    ...args,
  ])

/** Leaves a data directory with one open session. */
async function serveOnce(directory = dataDir): Promise<void> {
  const server = await startServer({ dataDir: directory })
  const client = createClient(server.ready.grpc)
  await client.create(createRequest())
  client.close()
  await server.stop()
}

const left = join(await temporaryDirectory(afterAll), 'data')
let leaving: Promise<void> | undefined

/** The data directory as one that a server has left with one open session. */
async function wasServed(): Promise<void> {
  leaving ??= serveOnce(left)
  await leaving
  await cp(left, dataDir, { recursive: true })
}

/** A file in the data directory. */
async function put(name: string, text: string): Promise<string> {
  await mkdir(dataDir, { recursive: true })
  await writeFile(join(dataDir, name), text)
  return join(dataDir, name)
}

describe('sessiond serve', () => {
  it('serves and stops in order where its log has no room', async () => {
    // Its log would say at which port it is.
    const address = `unix:${dataDir}.sock`
    const options = ['--grpc', address, '--seneca', 'off', '--http', 'off']
    const child = spawn('sh', [
      '-c',
      'exec "$0" "$@" > /dev/full',
      process.execPath,
      CLI,
      'serve',
      '--data-dir',
      dataDir,
      ...options,
    ])
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    const client = createClient(address)
    const ready = () =>
      client.create(createRequest()).then(
        () => true,
        () => false,
      )
    await expect.poll(ready, { interval: 200 }).toBe(true)
    client.close()
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  it('ends with 3 where another process has the directory', async () => {
    const server = await startServer({ dataDir })
    expect(await serve()).toEqual({
      code: 3,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(/^sessiond: .*data\/store is in use by another process: .*\n$/),
    })
    const client = createClient(server.ready.grpc)
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    client.close()
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
  })

  it('ends with 5 where the address is taken, and leaves the directory free', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void squatter.close())
    await once(squatter, 'listening')
    const address = `127.0.0.1:${(squatter.address() as AddressInfo).port}`
    const { code, stderr } = await serve('--grpc', address)
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: expect.stringContaining(`sessiond: cannot listen on ${address}: `),
    })
    await serveOnce()
  })

  it('opens no port for debuggers at SIGUSR1', async () => {
    const server = await startServer({ dataDir })
    server.child.kill('SIGUSR1')
    const client = createClient(server.ready.grpc)
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    client.close()
    expect(await server.stop()).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('ends with 2 where the first epoch is yet to come, and makes no store', async () => {
    expect(await serve('--epoch-genesis', '9999-01-01')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^sessiond: --epoch-genesis: is yet to come/),
    })
    await serveOnce()
  })

  type Failure = [string, () => Promise<unknown>, string[], number, string]
  it.each<Failure>([
    [
      'the data directory cannot be made',
      () => writeFile(dataDir, ''),
      [],
      1,
      'data/store cannot be read: ENOTDIR: not a directory',
    ],
    [
      'the data directory would be in a file system that has no place for it',
      async () => {},
      ['--data-dir', '/proc/sessiond'],
      1,
      '/proc/sessiond/store does not open: no directory can be made in /proc: ENOENT',
    ],
    [
      'the store is damaged',
      async () => {
        await wasServed()
        await writeFile(join(dataDir, 'store', 'CURRENT'), 'MANIFEST-000404\n')
      },
      [],
      4,
      'CURRENT: names MANIFEST-000404, which is missing',
    ],
    ...['/dev/stdout', '/dev/stderr'].map(
      (name): Failure => [
        `the audit log is where the log goes (${name})`,
        async () => {},
        ['--audit-log', name],
        2,
        `--audit-log: ${name} is the server's standard output or error too`,
      ],
    ),
    [
      'the audit log cannot be opened',
      async () => {},
      ['--audit-log', 'nowhere/audit.jsonl'],
      1,
      'nowhere/audit.jsonl cannot be opened: ENOENT: no such file or directory',
    ],
    [
      'the address is not of this machine',
      async () => {},
      // Of TEST-NET-1, RFC 5737.
      ['--grpc', '192.0.2.1:0', '--plaintext', 'yes'],
      5,
      'address not available 192.0.2.1: give another with --grpc',
    ],
  ])('says why where %s', async (_, prepare, args, expected, problem) => {
    await prepare()
    const { code, stderr } = await serve(...args)
    expect({ code, stderr }).toEqual({ code: expected, stderr: expect.stringContaining(problem) })
  })

  it('does not wait for a reader of a pipe that is to be the audit log', async () => {
    const pipe = `${dataDir}-pipe`
    execFileSync('mkfifo', [pipe])
    expect(await serve('--audit-log', pipe)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be opened: it is a pipe that no process reads from'),
    })
  })

  it('ends with 2 and reports all mistakes at once', async () => {
    const config = await put('c.json', '{ "max-sessions": "many", "colour": "red" }')
    const args = ['--speed', '9', '--max-lifetime', 'soon', '--store', 'paper', '--config', config]
    const env = { ...process.env, SESSIOND_EPOCH_LENGTH: '0s' }
    const { code, stderr } = await sessiond(['serve', ...args], { env })
    expect(code).toBe(2)
    const lines = stderr.trimEnd().split('\n')
    expect(lines).toHaveLength(6)
    for (const option of ['max-sessions', 'colour', '--speed', '--max-lifetime', '--store']) {
      expect(lines).toContainEqual(expect.stringMatching(`^sessiond: .*${option}: `))
    }
    expect(stderr).toContain('SESSIOND_EPOCH_LENGTH (--epoch-length): ')
  })

  it.each([
    ['a config file that is not there', ['--config', 'nowhere.json'], 'nowhere.json'],
    ['an argument that is no option', ['./data'], './data'],
    ['an option without its value', ['--max-sessions'], '--max-sessions'],
  ])('ends with 2 for %s', async (_, args, problem) => {
    const { code, stdout, stderr } = await serve(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(problem)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it.each<[string, () => Promise<unknown>, string[], string]>([
    [
      'another epoch length than the store was made with',
      wasServed,
      ['--epoch-length', '2s'],
      '--epoch-length 1000ms',
    ],
    [
      'another epoch genesis than the store was made with',
      wasServed,
      ['--epoch-genesis', '2026-01-01'],
      '--epoch-genesis 1970-01-01T00:00:00.000Z',
    ],
    [
      'sessions whose sealing keys are gone',
      async () => {
        await wasServed()
        await rm(join(dataDir, 'sealing-keys.json'))
      },
      [],
      'sealing-keys.json is missing',
    ],
    [
      'sessions whose identity is gone',
      async () => {
        await wasServed()
        await rm(join(dataDir, 'identity.pem'))
      },
      [],
      'identity.pem is missing',
    ],
    [
      'an identity that is no key',
      () => put('identity.pem', 'a secret'),
      [],
      'identity.pem: holds no private key',
    ],
    [
      'an identity of the wrong kind',
      () => put('identity.pem', privateKeyToPem(generateKey('p256'))),
      [],
      'must be an Ed25519 key',
    ],
    [
      'sealing keys that are none',
      () => put('sealing-keys.json', '{ "a secret" }'),
      [],
      'sealing-keys.json: is not JSON',
    ],
    [
      'no owners file',
      async () => {},
      ['--owners', 'nowhere.json'],
      'nowhere.json: cannot be read',
    ],
  ])('ends with 4 for %s', async (_, prepare, args, problem) => {
    await prepare()
    const { code, stdout, stderr } = await serve(...args)
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toMatch(/^sessiond: .*\n$/)
    expect(stderr).toContain(problem)
    expect(stderr).not.toContain('a secret')
  })
})
