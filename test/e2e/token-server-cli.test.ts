import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'

const directory = await temporaryDirectory(afterAll)
const at = (name: string) => join(directory, name)
const session: Record<string, unknown> = {}
let server: ServerProcess
let sessionText = ''
let serverKey = ''

/** Runs `sessiond token …` against the server, as the owner. */
const token = (args: readonly string[], input = '') =>
  sessiond(['token', ...args], {
    input,
    env: { SESSIOND_SERVER: server.ready.grpc, SESSIOND_SERVER_KEY: serverKey },
  })
const ofOwner = (command: string, ...args: string[]) => [command, '--key', at('owner.key'), ...args]

beforeAll(async () => {
  const dataDir = at('data')
  server = await startServer({ dataDir, args: ['--retention', '1h'] })
  serverKey = (await sessiond(['identity', '--data-dir', dataDir])).stdout.trim()
  await sessiond(['keygen', '--out', at('owner.key')])
  await sessiond(['keygen', '--out', at('session.key')])
  const create = ['create', '--key', at('owner.key'), '--json', '--client', 'me']
  const { stdout } = await sessiond([...create, '--server', server.ready.grpc])
  sessionText = stdout
  Object.assign(session, JSON.parse(stdout))
})
afterAll(() => server?.stop())

describe('sessiond token, asking a server', () => {
  it('signs files under a token from a pipe, each with its name', async () => {
    const files = [at('one.bin'), at('two.bin')]
    await Promise.all(files.map((file) => writeFile(file, file)))
    const issued = await token(ofOwner('issue', '--verb', 'put'), sessionText)
    const signed = await token(ofOwner('sign', ...files), issued.stdout)
    expect(signed).toMatchObject({ code: 0, stderr: '' })
    const key = Buffer.from(`${session.public_key}`, 'hex')
    const lines = signed.stdout.trim().split('\n')
    expect(lines).toHaveLength(2)
    for (const [i, line] of lines.entries()) {
      const [signature = '', file] = line.split('  ')
      expect(file).toBe(files[i])
      const content = await readFile(files[i] as string)
      expect(sodiumEd25519.verify(key, content, Buffer.from(signature, 'hex'))).toBe(true)
    }
    const json = await token(ofOwner('sign', '--json', files[0] as string), issued.stdout)
    expect(JSON.parse(json.stdout)).toEqual({
      file: files[0],
      signature: lines[0]?.split('  ')[0],
    })
  })

  it('gets a JWT with a short life', async () => {
    const args = ofOwner('jwt', '--audience', 'api', 'other', '--lifetime', '5m')
    const { code, stdout } = await token(args, sessionText)
    expect(code).toBe(0)
    const { aud, sid, nbf = 0, exp = 0 } = decodeJwt(stdout.trim())
    expect({ aud, sid, lives: exp - nbf }).toEqual({
      ...{ aud: ['api', 'other'], sid: session.id },
      lives: 301, // The last epoch counts too.
    })
  })

  it('binds a session to a key of its own, which may end it', async () => {
    const bind = ofOwner('bind', '--session-key', at('session.key'), '--lifetime', '1h', '--json')
    const bound = await token(bind)
    expect(bound).toMatchObject({ code: 0, stderr: '' })
    const { id } = JSON.parse(bound.stdout)
    expect(await token(['revoke', '--key', at('session.key'), '--json'], bound.stdout)).toEqual(
      expect.objectContaining({
        ...{ code: 0, stderr: '' },
        stdout: expect.stringMatching(new RegExp(`^{"id":"${id}","ended_now":true,"end_time":"2`)),
      }),
    )
    const again = await token(ofOwner('revoke', id))
    expect(again.stdout).toMatch(new RegExp(`^${id} had ended 2`))
  })

  it('lists what is open, and ends it from a pipe', async () => {
    const listed = await token(ofOwner('list', '--open', '--json'))
    expect(listed).toMatchObject({ code: 0, stderr: '' })
    const { expires, server_key: _, ...same } = session
    const [row] = listed.stdout.trim().split('\n')
    expect(JSON.parse(row as string)).toMatchObject({
      ...same,
      expires,
      active: true,
      client: 'me',
    })
    const ended = await token(ofOwner('revoke'), listed.stdout)
    expect(ended).toMatchObject({ code: 0, stdout: `ended ${session.id}\n` })
    const table = await token(ofOwner('list', '--all'))
    expect(table.stdout).toMatch(/^SESSION +STATE +OPENED/)
    expect(table.stdout).toMatch(new RegExp(`\n${session.id} +revoked +2`))
  })

  it('says that it leaves out some, and lists all where it is told to', async () => {
    const create = ['create', '--server', server.ready.grpc, '--key', at('owner.key')]
    expect(await sessiond(create)).toMatchObject({ code: 0 })
    const rows = async (...args: string[]) => {
      const { code, stdout, stderr } = await token(ofOwner('list', '--json', ...args))
      return { code, rows: stdout.split('\n').length - 1, stderr }
    }
    const whole = await rows('--all')
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    expect(whole.rows).toBeGreaterThan(1)
    const cut = { code: 0, rows: 1, stderr: 'stopped after 1 session: --all shows all\n' }
    expect(await rows('--limit', '1')).toEqual(cut)
    expect(await rows('--limit', `${whole.rows}`)).toEqual(whole)
  })

  it.each<[string, () => string[], string, number, RegExp]>([
    [
      'a session that is not there, and goes on with the next',
      () => ofOwner('revoke', '0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11', `${session.id}`),
      '',
      1,
      /there is no session 0d1f7f5e/,
    ],
    ['an ID that is none', () => ofOwner('revoke', 'login-42'), '', 1, /"login-42" is no UUID/],
    ['no session at all, as of an empty list', () => ofOwner('revoke'), '', 7, /names no session/],
    [
      'JSON that is no session',
      () => ofOwner('revoke'),
      '{"a":1}',
      4,
      /neither an ID nor the JSON/,
    ],
    [
      'a JWT of two sessions',
      () => ofOwner('jwt', '--audience', 'api'),
      '{"id":"a"}\n{"id":"b"}',
      2,
      /a JWT is of one session/,
    ],
    ['a JWT for nobody', () => ofOwner('jwt'), '', 2, /--audience <NAME/],
    [
      'a deadline that is none',
      () => ofOwner('list', '--deadline', 'soon'),
      '',
      2,
      /--deadline: .*soon/,
    ],
    ['a key that is not there', () => ['list', '--key', at('no.key')], '', 4, /is not there/],
    [
      'what is no token',
      () => ofOwner('sign', '--token', at('owner.key'), at('owner.key')),
      '',
      4,
      /owner\.key: holds no session token: .*no base64url text/,
    ],
    [
      'standard input for token and data',
      () => ofOwner('sign', '-'),
      '',
      2,
      /name a file for one of them/,
    ],
    [
      'a server with another key',
      () => ofOwner('list', '--server-key', '11'.repeat(32)),
      '',
      1,
      /is not a pinned server key/,
    ],
  ])('refuses %s', async (_, args, input, code, problem) => {
    const finished = await token(args(), input)
    expect(finished.stderr).toMatch(problem)
    expect(finished.code).toBe(code)
    expect(finished.stderr).not.toMatch(/^ +at /m)
  })

  it('tells that it trusts any server unless a key is pinned', async () => {
    const { code, stderr } = await sessiond(['token', ...ofOwner('list')], {
      env: { SESSIOND_SERVER: server.ready.grpc },
    })
    expect(stderr).toMatch(/key was not checked/)
    expect(code).toBe(0)
  })
})
