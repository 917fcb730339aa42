import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownerText } from '../../src/core/owner-text.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { sessiond, temporaryDirectory } from '../support/process.js'

const directory = await temporaryDirectory(afterAll)
const key = join(directory, 'owner.key')
const sessionFile = join(directory, 'session.json')
const now = Math.floor(Date.now() / 1000)
const CONTAINER = `hex:${'c0'.repeat(32)}`
const OBJECT = `hex:${'0b'.repeat(32)}`
const sessionKey = sodiumEd25519.signer(new Uint8Array(32).fill(5))
/** A session as `sessiond create --json` prints it; whether a server has it does not matter here. */
const session = {
  id: '5d0f2c1e-7a52-4d0e-9a53-0b8c1f9a7e11',
  public_key: Buffer.from(sessionKey.publicKey).toString('hex'),
  owner: '',
  lifetime: { exp: `${now + 3600}`, nbf: `${now}`, iat: `${now}` },
  expires: 'not read',
}

beforeAll(async () => {
  const { stdout } = await sessiond(['keygen', '--out', key, '--json'])
  session.owner = ownerText(Buffer.from(JSON.parse(stdout).public_key, 'hex'))
  await writeFile(sessionFile, JSON.stringify(session))
})

async function issued(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sessiond([
    ...['token', 'issue', '--key', key, '--session', sessionFile, ...args],
  ])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

const check = (token: string, ...args: string[]) =>
  sessiond(['token', 'check', ...args], { input: `${token}\n` })

describe('sessiond token', () => {
  it('issues a token from a pipe, and checks it from another', async () => {
    const input = JSON.stringify(session)
    const issue = await sessiond(['token', 'issue', '--key', key, '--verb', 'get'], { input })
    const { code, stdout, stderr } = await check(issue.stdout, '--verb', 'OBJECT_GET')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^session +${session.id}\nowner id +${session.owner} `))
    expect(stdout).toMatch(/\nallows +OBJECT_GET\non +every object\n/)
  })

  it('prints what a token says as JSON', async () => {
    const token = JSON.parse(
      await issued('--verb', 'put', '--container', CONTAINER, '--object', OBJECT, '--json'),
    ).token
    const { stdout } = await sessiond(['token', 'check', token, '--json'])
    expect(JSON.parse(stdout)).toEqual({
      is_good: true,
      token: {
        id: session.id,
        owner: session.owner,
        verb: 'OBJECT_PUT',
        lifetime: session.lifetime,
        session_key: session.public_key,
        container: CONTAINER.slice(4),
        object: OBJECT.slice(4),
        signer: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    })
  })

  it('checks the proof that the session key has signed', async () => {
    const token = await issued('--verb', 'get')
    const request = join(directory, 'request')
    await writeFile(request, 'the request')
    const signed = (content: string) =>
      Buffer.from(sessionKey.sign(Buffer.from(content))).toString('hex')
    const good = await check(token, '--proof-of', request, '--proof', signed('the request'))
    expect(good.code).toBe(0)
    const bad = await check(token, '--proof-of', request, '--proof', signed('another'), '--json')
    expect([bad.code, JSON.parse(bad.stdout).reason]).toEqual([1, 'BAD_PROOF'])
  })

  const inAnHour = new Date((now + 7200) * 1000).toISOString()
  it.each([
    ['another verb', ['--verb', 'put'], 'VERB_NOT_ALLOWED'],
    [
      'another object',
      ['--verb', 'get', '--container', CONTAINER, '--object', CONTAINER],
      'OBJECT_NOT_ALLOWED',
    ],
    ['a later time', ['--at', inAnHour], 'EXPIRED'],
    ['an earlier time', ['--at', '2020-01-01'], 'NOT_YET_VALID'],
    ['other owner keys', ['--owner-key', session.public_key], 'OWNER_KEY_MISMATCH'],
  ])('says why a token is not good for %s, and ends with 1', async (_, args, reason) => {
    const token = await issued('--verb', 'get', '--container', CONTAINER, '--object', OBJECT)
    const { code, stdout, stderr } = await check(token, ...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^sessiond: the token is not good: ${reason}: .*\n$`))
  })

  it('gives a token a shorter life than its session', async () => {
    const token = await issued('--verb', 'get', '--lifetime', '1m')
    const { stdout } = await check(token, '--json')
    const { exp } = JSON.parse(stdout).token.lifetime
    expect(Number(exp)).toBeGreaterThanOrEqual(now + 60)
    expect(Number(exp)).toBeLessThan(now + 600)
  })

  it('takes the JSON that it prints of a token for one', async () => {
    const json = await issued('--verb', 'get', '--json')
    expect(JSON.parse(json)).toEqual({ token: expect.any(String) })
    expect(await check(json, '--verb', 'get')).toMatchObject({ code: 0, stderr: '' })
  })

  it("says so where the key that signs is not the owner's", async () => {
    const other = join(directory, 'other.key')
    await sessiond(['keygen', '--out', other])
    const args = ['issue', '--session', sessionFile, '--key', other, '--verb', 'get']
    const { code, stderr } = await sessiond(['token', ...args])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^The key is not that of the owner ID \w+: the token is good only where /,
    )
  })

  it('calls what is no token malformed', async () => {
    const { code, stdout } = await check('not a token!', '--json')
    expect([code, JSON.parse(stdout).reason]).toEqual([1, 'MALFORMED'])
  })

  it.each([
    ['no verb', ['issue', '--session', sessionFile], 2, /--verb <VERB>/],
    [
      'a verb that is none',
      ['issue', '--session', sessionFile, '--verb', 'eat'],
      2,
      /--verb: "eat" is not one of put, get/,
    ],
    [
      'an object without its container',
      ['issue', '--session', sessionFile, '--verb', 'get', '--object', OBJECT],
      2,
      /--object: only with --container/,
    ],
    [
      'an identifier in no known form',
      ['check', '--verb', 'get', '--container', 'abc'],
      2,
      /--container: "abc" is not hex:… or base58:…/,
    ],
    [
      'a life beyond that of the session',
      ['issue', '--session', sessionFile, '--verb', 'get', '--key', key, '--lifetime', '2h'],
      2,
      /--lifetime: the session ends before, at 20.*: leave it out/,
    ],
    [
      'a proof without what was signed',
      ['check', '--proof', '00'],
      2,
      /--proof-of: give it together with --proof/,
    ],
    [
      'a container without a verb',
      ['check', '--container', CONTAINER],
      2,
      /--container: only with --verb/,
    ],
    [
      'no session, as after a command that failed',
      ['issue', '--key', key, '--verb', 'get'],
      4,
      /is empty: give what `sessiond create --json` prints/,
    ],
    [
      'a session that is none',
      ['issue', '--session', key, '--key', key, '--verb', 'get'],
      4,
      /is not what `sessiond create --json` prints/,
    ],
  ])('refuses %s', async (_, args, code, problem) => {
    const finished = await sessiond(['token', ...args])
    expect(finished).toMatchObject({ code, stdout: '' })
    expect(finished.stderr).toMatch(problem)
    expect(finished.stderr).not.toMatch(/^ +at /m)
  })

  it('never prints the private key that it was given in place of a token', async () => {
    const secret = await readFile(key, 'utf8')
    const { stdout, stderr } = await check(secret)
    expect(stdout + stderr).not.toContain(secret.split('\n')[1])
  })
})
