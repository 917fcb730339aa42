import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, type OpenOptions, SessionsClient } from '../../src/client/index.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'

const DAY_MS = 86_400_000

/** Idle for too long, but not for so long that the sweep would purge it. */
const OLDER = {
  id: 'imported é',
  opened: new Date(Date.now() - 3 * DAY_MS).toISOString(),
  last_request: new Date(Date.now() - 2 * DAY_MS).toISOString(),
  address: 'here',
  client: 'app',
  user: { id: 'zoë', name: 'Zoë' },
  data: { cart: [1, 2] },
}

const dataDir = await temporaryDirectory(afterAll)
let server: ServerProcess
let client: SessionsClient

beforeAll(async () => {
  server = await startServer({ dataDir })
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  client = new SessionsClient(connection)
  afterAll(() => connection.close())
})
afterAll(() => server.stop())

const sessions = (...args: string[]) =>
  sessiond(['sessions', ...args, '--server', server.ready.grpc])
const open = (userId: string, parts: Partial<OpenOptions> = {}) =>
  client.open({ userId, address: 'here', client: 'app', ...parts })

describe('sessiond sessions', () => {
  it('lists as a table and as JSON', async () => {
    const { id } = await open('lister', { userName: 'L', data: '{"a":[1]}' })
    const table = await sessions('list', '--user', 'lister', '--active', '--total')
    expect(table).toMatchObject({ code: 0, stderr: '' })
    expect(table.stdout).toMatch(/^SESSION +USER +STATE +OPENED +LAST REQUEST +ADDRESS +CLIENT\n/)
    expect(table.stdout).toMatch(
      new RegExp(`\n${id}  lister \\(L\\)  open +\\S+Z  \\S+Z  here +app\n\n1 of 1\n$`),
    )
    const { stdout } = await sessions('list', '--user', 'lister', '--json')
    expect(JSON.parse(stdout)).toEqual({
      total: null,
      data: [expect.objectContaining({ id, user_id: 'lister', active: true, data: { a: [1] } })],
    })
    const ended = await sessions('list', '--user', 'lister', '--ended', '--total', '--json')
    expect(JSON.parse(ended.stdout)).toEqual({ total: 0, data: [] })
    for (const range of [
      ['--from', '2020-01-01', '--to', '2020-01-02'],
      ['--skip', '1'],
      ['--take', '0'],
    ]) {
      const none = await sessions('list', '--user', 'lister', ...range, '--json')
      expect(JSON.parse(none.stdout)).toEqual({ total: null, data: [] })
    }
  })

  it('lets no name forge what is printed', async () => {
    await open('forger', { client: '\x1b[2Jx\u202e\u009b\n0 of 0' })
    const { stdout } = await sessions('list', '--user', 'forger')
    expect(stdout).toContain('\\u{1b}[2Jx\\u{202e}\\u{9b}\\u{a}0 of 0')
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    for (const json of [
      await sessions('list', '--user', 'forger', '--json'),
      await sessiond(['export', '--user', 'forger', '--server', server.ready.grpc]),
    ]) {
      expect(json.stdout).not.toMatch(/[\p{Cc}\p{Cf}](?!$)/u)
      expect(json.stdout).toContain('\\u001b[2Jx\\u202e\\u009b\\n0 of 0')
      expect(JSON.stringify(JSON.parse(json.stdout))).toContain('\u202e\u009b')
    }
  })

  it('shows, closes and deletes one', async () => {
    const { id } = await open('one', { user: '{"vip":true}' })
    const shown = await sessions('show', id)
    expect(shown.stdout).toMatch(new RegExp(`^session +${id}\nuser +one\nstate +open\n`))
    expect(shown.stdout).toContain('{"vip":true}')
    expect(JSON.parse((await sessions('show', id, '--json')).stdout)).toMatchObject({ id })
    expect((await sessions('close', id)).stdout).toBe(`closed ${id}\n`)
    expect((await sessions('close', id)).stdout).toMatch(/had already ended 20/)
    expect((await sessions('delete', id)).stdout).toBe(`deleted ${id}\n`)
    expect(await client.get(id)).toBeNull()
  })

  it('signs a user out everywhere, and nobody else', async () => {
    const clients = Array.from({ length: 103 }, (_, i) => `c${i}`)
    await Promise.all(clients.map((name) => open('everywhere', { client: name })))
    const { id: other } = await open('elsewhere')
    const { stdout } = await sessions('close', '--user', 'everywhere')
    expect(stdout).toBe('closed 103 sessions of everywhere\n')
    expect((await client.list({ userId: 'everywhere', active: true })).sessions).toEqual([])
    expect(await client.get(other)).toMatchObject({ active: true })
    const again = await sessions('close', '--user', 'everywhere', '--json')
    expect(again).toMatchObject({ code: 0, stdout: '{"closed":0}\n' })
  })

  it.each(['show', 'close', 'delete'])('%s of an unknown id fails', async (command) => {
    expect(await sessions(command, 'nobody')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'sessiond: there is no session nobody\n',
    })
  })

  it.each([
    [['close'], 'give either the ID of a session or --user'],
    [['close', 'x', '--user', 'y'], 'give either the ID of a session or --user'],
    [['list', '--take', '101'], '--take: 101 is more than 100'],
    [['list', '--from', 'May'], '--from: "May" is neither'],
    [['list', '--active', '--ended'], "cannot be used with option '--ended'"],
  ])('%j is a mistake', async (args, message) => {
    const { code, stderr } = await sessions(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('says that nobody answers', async () => {
    expect(await sessiond(['sessions', 'list', '--server', '127.0.0.1:1'])).toMatchObject({
      code: 1,
      stderr: 'sessiond: the session server at 127.0.0.1:1 cannot be reached\n',
    })
  })

  it.each([['list'], ['show'], ['close'], ['delete']])('%s has examples', async (command) => {
    expect((await sessiond(['sessions', command, '--help'])).stdout).toContain('Examples:')
  })
})

describe('sessiond import', () => {
  it('fills the store of a server that is started then, and can be repeated', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const dataDir = join(directory, 'data')
    const file = join(directory, 'sessions.json')
    const opened = new Date().toISOString()
    const records = [OLDER, { ...OLDER, id: 'young', opened, last_request: opened }, { id: 7 }]
    const text = JSON.stringify(records, null, 2)
    await writeFile(file, text)
    // The lines count from 1, and the brace stands before the id.
    const line = text.split('\n').indexOf('    "id": 7')

    const first = await sessiond(['import', file, '--data-dir', dataDir])
    expect(first.code).toBe(1)
    expect(first.stdout).toBe('imported 2 (1 as ended), 0 were there already, left out 1\n')
    expect(first.stderr).toContain(
      `sessiond: ${file}, line ${line}: left out element 3: open_time (or opened) is required\n`,
    )
    const second = await sessiond(['import', file, '--data-dir', dataDir, '--json'])
    expect(
      second.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { element: 3, line, reason: 'open_time (or opened) is required' },
      { imported: 0, ended: 0, existing: 2, leftOut: 1 },
    ])

    const own = await startServer({ dataDir })
    onTestFinished(() => own.stop().then(() => {}))
    const args = ['--server', own.ready.grpc, '--json']
    const shown = await sessiond(['sessions', 'show', 'young', ...args])
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ id: 'young', user_id: 'zoë', user_name: 'Zoë', active: true },
      ...{ user: { id: 'zoë', name: 'Zoë' }, data: { cart: [1, 2] } },
    })
    const locked = await sessiond(['import', file, '--data-dir', dataDir])
    expect(locked).toMatchObject({ code: 3, stdout: '' })
    expect(locked.stderr).toContain('is in use by another process: stop that one')

    // What a server lists can be brought into another.
    const listed = await sessiond(['sessions', 'list', ...args])
    await writeFile(file, JSON.stringify(JSON.parse(listed.stdout).data))
    const other = await sessiond(['import', file, '--data-dir', join(directory, 'other')])
    expect(other).toMatchObject({ code: 0, stderr: '' })
    expect(other.stdout).toBe('imported 2 (1 as ended), 0 were there already, left out 0\n')
  })

  it.each([
    [
      'what is no JSON',
      'BSON',
      4,
      'line 1 begins neither a JSON array nor JSON documents, one a line (bsondump makes them of what mongodump wrote)',
    ],
    ['half an array', JSON.stringify([OLDER]).slice(0, -1), 4, 'line 1 ends within the array'],
  ])('refuses %s', async (_, text, code, problem) => {
    const directory = await temporaryDirectory(onTestFinished)
    const file = join(directory, 'sessions.json')
    await writeFile(file, text)
    const refused = await sessiond(['import', file, '--data-dir', join(directory, 'data')])
    expect(refused).toMatchObject({ code, stdout: '', stderr: `sessiond: ${file}: ${problem}\n` })
  })

  it('touches no data directory where there is no such file', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const args = ['import', join(directory, 'no'), '--data-dir', join(directory, 'data')]
    const refused = await sessiond(args)
    expect(refused.code).toBe(4)
    expect(refused.stderr).toMatch(/no: cannot be read: ENOENT/)
    await expect(readFile(join(directory, 'data'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
