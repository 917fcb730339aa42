import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest, newOwner } from '../support/create.js'
import {
  CLI,
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { haveTerminal, onTerminal } from '../support/terminal.js'

const dataDir = await temporaryDirectory(afterAll)
let server: ServerProcess

beforeAll(async () => {
  server = await startServer({ dataDir })
})
afterAll(() => server.stop())

const ask = (command: string, ...args: string[]) =>
  sessiond([command, '--server', server.ready.grpc, ...args])

/** Opens a session as Create does. */
async function create(owner = newOwner(), key = 'first') {
  const client = createClient(server.ready.grpc)
  onTestFinished(() => client.close())
  const request = createRequest({ signer: owner, xHeaders: { 'idempotency-key': key } })
  return (await client.create(request)).id
}

const sealingKeys = async () =>
  JSON.parse(await readFile(join(dataDir, 'sealing-keys.json'), 'utf8')) as {
    current: string
    keys: Record<string, string>
  }

describe('sessiond rotate-keys', () => {
  it('has new seals made with a new key, and says which', async () => {
    const before = await sealingKeys()
    const { code, stdout, stderr } = await ask('rotate-keys')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const after = await sealingKeys()
    expect(stdout).toBe(`sealing with the new key ${after.current}\n`)
    expect(Object.keys(after.keys).sort()).toEqual(
      [...Object.keys(before.keys), after.current].sort(),
    )
  })

  it('--reseal seals again, with progress on standard error', async () => {
    await Promise.all(Array.from({ length: 250 }, () => create()))
    const { code, stdout, stderr } = await ask('rotate-keys', '--reseal')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^(sessiond: \d\d % of the seals, \d+ sealed again\n){2}$/)
    expect(stdout).toMatch(
      /^sealing with the new key [0-9a-f]{8}\nsealed (\d+) of \1 again, 0 did not open\nOnly older backups still need the older keys\.\n$/,
    )
  })

  it('--reseal-only makes no other key, and finds nothing left to do', async () => {
    await create()
    await ask('rotate-keys')
    const { current } = await sealingKeys()
    const first = JSON.parse((await ask('rotate-keys', '--reseal-only', '--json')).stdout)
    expect(first).toEqual({ checked: first.checked, resealed: first.checked, failed: 0 })
    expect(first.checked).toBeGreaterThan(0)
    const second = JSON.parse((await ask('rotate-keys', '--reseal-only', '--json')).stdout)
    expect(second).toEqual({ ...first, resealed: 0 })
    expect((await sealingKeys()).current).toBe(current)
  })

  it('names the sessions whose seals do not open, and ends with 1', async () => {
    const ownDir = await temporaryDirectory(onTestFinished)
    const other = await startServer({ dataDir: ownDir })
    const client = createClient(other.ready.grpc)
    onTestFinished(() => client.close())
    const { id } = await client.create(createRequest())
    await other.stop()
    // As if the file had been restored from before a key was made.
    const file = join(ownDir, 'sealing-keys.json')
    const key = Buffer.alloc(32, 1).toString('base64')
    await writeFile(file, JSON.stringify({ current: 'restored', keys: { restored: key } }))
    const again = await startServer({ dataDir: ownDir })
    onTestFinished(async () => {
      await again.stop()
    })
    const { code, stdout, stderr } = await sessiond([
      ...['rotate-keys', '--reseal-only', '--server', again.ready.grpc],
    ])
    expect(stderr).toContain(`sessiond: the seal of session ${id} does not open\n`)
    expect(stdout).toBe('sealed 0 of 1 again, 1 did not open\n')
    expect(code).toBe(1)
  })

  it('announces a next identity, tells it to who asks, and activates it', async () => {
    const current = (await sessiond(['identity', '--data-dir', dataDir])).stdout.trim()
    const identity = (...args: string[]) => ask('identity', '--server-key', current, ...args)
    expect((await identity()).stdout).toBe(`${current}\n`)

    const announced = JSON.parse(
      (await ask('rotate-keys', '--identity', 'announce', '--json')).stdout,
    )
    expect(announced).toEqual({ public_key: current, next_public_key: expect.any(String) })
    const next = announced.next_public_key
    expect((await stat(join(dataDir, 'identity-next.pem'))).mode & 0o777).toBe(0o600)
    expect((await ask('rotate-keys', '--identity', 'announce')).stdout).toBe(
      `signs      ${current}\nwill sign  ${next}\nClients should pin both before you activate the second.\n`,
    )
    expect(await identity()).toMatchObject({ code: 0, stdout: `${current}\n${next}\n`, stderr: '' })
    expect(JSON.parse((await identity('--json')).stdout)).toEqual(announced)
    expect((await sessiond(['identity', '--data-dir', dataDir])).stdout).toBe(`${current}\n`)

    const activated = await ask('rotate-keys', '--identity', 'activate')
    expect(activated).toMatchObject({ code: 0, stdout: `signs      ${next}\n` })
    const refused = await identity()
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('not pinned')
    expect((await sessiond(['identity', '--data-dir', dataDir])).stdout).toBe(`${next}\n`)
    const unpinned = await ask('identity', '--json')
    expect(JSON.parse(unpinned.stdout)).toEqual({ public_key: next })
    expect(unpinned.stderr).toContain('was not checked')
  })

  it.each([
    [
      'nothing to activate',
      ['--identity', 'activate'],
      1,
      /the key in force stays: no next identity/,
    ],
    ['an unknown step', ['--identity', 'drop'], 2, /announce, activate/],
    ['two things at once', ['--reseal', '--reseal-only'], 2, /cannot be used with/],
    ['a seal and an identity', ['--identity', 'announce', '--reseal'], 2, /cannot be used with/],
  ])('refuses %s', async (_, args, code, message) => {
    const refused = await ask('rotate-keys', ...args)
    expect(refused).toMatchObject({ code, stdout: '' })
    expect(refused.stderr).toMatch(message)
  })
})

describe('sessiond export and erase', () => {
  it('tell everything about an owner, and delete it', async () => {
    const owner = newOwner()
    const id = await create(owner, 'the key')
    await create(newOwner(), 'the key')
    const { stdout } = await sessiond([
      'sessions',
      'show',
      id,
      '--json',
      '--server',
      server.ready.grpc,
    ])
    const { user_id: user } = JSON.parse(stdout)
    const exported = await ask('export', '--user', user)
    expect(exported).toMatchObject({ code: 0, stderr: '' })
    const hex = Buffer.from(owner.publicKey).toString('hex')
    const lines = exported.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { kind: 'session', id, user_id: user, active: true, token: { owner: hex } },
      { kind: 'idempotency_key', key: 'the key', owner: hex, session_id: id },
    ])

    const file = join(await temporaryDirectory(onTestFinished), 'out.jsonl')
    expect(await ask('export', '--user', user, '--out', file)).toMatchObject({
      code: 0,
      stdout: '',
    })
    expect(await readFile(file, 'utf8')).toBe(exported.stdout)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const again = await ask('export', '--user', user, '--out', file)
    expect(again.code).toBe(4)
    expect(again.stderr).toContain('already exists')

    const dry = await ask('erase', '--user', user, '--dry-run', '--json')
    expect(JSON.parse(dry.stdout)).toEqual({ would_erase: { sessions: 1, idempotency_keys: 1 } })
    const unasked = await ask('erase', '--user', user)
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(unasked.stderr).toContain('--yes')
    expect((await ask('export', '--user', user)).stdout).toBe(exported.stdout)

    expect(await ask('erase', '--user', user, '--yes')).toMatchObject({
      code: 0,
      stdout: `erased 1 session and 1 idempotency key of ${user}\n`,
    })
    const nothing = {
      ...{ code: 7, stdout: '' },
      stderr: `sessiond: nothing is kept about ${user}\n`,
    }
    expect(await ask('export', '--user', user)).toMatchObject(nothing)
    const none = join(await temporaryDirectory(onTestFinished), 'none.jsonl')
    expect(await ask('export', '--user', user, '--out', none)).toMatchObject(nothing)
    await expect(stat(none)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await ask('erase', '--user', user, '--yes', '--json')).toMatchObject(nothing)
  })

  it.skipIf(!haveTerminal()).each([
    ['yes\n', 0, /erased 1 session and 1 idempotency key/],
    ['no\n', 1, /nothing was erased/],
    ['\x04', 1, /\nsessiond: nothing was erased/],
    ['\x03', 1, /nothing was erased/],
  ])('asks on a terminal, and takes %j for what it is', async (input, code, message) => {
    const owner = newOwner()
    await create(owner, 'the key')
    const name = `hex:${Buffer.from(owner.publicKey).toString('hex')}`
    const args = ['erase', '--user', name, '--server', server.ready.grpc]
    const question = 'Erase 1 session and 1 idempotency key of '
    const { shown, code: exitCode } = await onTerminal(args, question, input)
    expect(shown).toMatch(message)
    expect(exitCode).toBe(code)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('stop waiting for an answer on %s', async (signal) => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const args = ['erase', '--user', 'x', '--yes', '--server', address]
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    const told = text(child.stderr)
    const [socket] = await once(silent, 'connection')
    onTestFinished(() => {
      socket.destroy()
      silent.close()
      child.kill('SIGKILL')
    })
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(await told).toBe(
      'sessiond: the server finishes what it has begun; run the command again to erase the rest\n' +
        `sessiond: ended by ${signal}\n`,
    )
  })

  it('say where there is no server', async () => {
    const { code, stderr } = await sessiond(['export', '--user', 'x', '--server', '127.0.0.1:1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^sessiond: .*127\.0\.0\.1:1 cannot be reached/)
  })
})
