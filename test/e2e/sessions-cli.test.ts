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
import { suiteEnd } from '../support/suite-end.js'
import { haveTerminal, onTerminal } from '../support/terminal.js'

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

const atEnd = suiteEnd()
beforeAll(async () => {
  server = await startServer({ dataDir })
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  client = new SessionsClient(connection)
  atEnd(() => connection.close())
})
afterAll(() => server.stop())

const sessions = (...args: string[]) =>
  sessiond(['sessions', ...args, '--server', server.ready.grpc])
const open = (userId: string, parts: Partial<OpenOptions> = {}) =>
  client.open({ userId, address: 'here', client: 'app', ...parts })

describe('sessiond sessions', () => {
  it('lists as a table and as JSON', async () => {
    const { id } = await open('lister', { userName: 'L', data: { a: [1] } })
    const table = await sessions('list', '--user', 'lister', '--active')
    expect(table).toMatchObject({ code: 0, stderr: '' })
    expect(table.stdout).toMatch(
      /^SESSION +KIND +USER +STATE +OPENED +LAST REQUEST +EXPIRES +ADDRESS +CLIENT\n/,
    )
    expect(table.stdout).toMatch(
      new RegExp(`\n${id}  command  lister \\(L\\)  open +\\S+Z  \\S+Z  \\S+Z  here +app\n$`),
    )
    const { stdout } = await sessions('list', '--user', 'lister', '--json')
    const kept = { id, user_id: 'lister', active: true, kind: 'command', data: { a: [1] } }
    expect(JSON.parse(stdout)).toEqual({ total: 1, data: [expect.objectContaining(kept)] })
  })

  const none = { code: 7, stderr: 'sessiond: no session of unlisted matches\n' }
  it.each<[readonly string[], number, { code: number; stderr: string }]>([
    [['--ended'], 0, none],
    [['--from', '2020-01-01', '--to', '2020-01-02'], 0, none],
    [['--skip', '5'], 1, { code: 0, stderr: '' }],
    [['--limit', '0'], 1, { code: 0, stderr: '0 of 1: --all shows all\n' }],
  ])('says by its exit code that none of a user matches: %j', async (range, total, outcome) => {
    await open('unlisted')
    const listed = await sessions('list', '--user', 'unlisted', ...range, '--json')
    expect(JSON.parse(listed.stdout)).toEqual({ total, data: [] })
    expect(listed).toMatchObject(outcome)
  })

  it('says on standard error that nothing matches where no user is named', async () => {
    const listed = await sessions('list', '--from', '2020-01-01', '--to', '2020-01-02')
    expect(listed).toMatchObject({ code: 0, stderr: 'no session matches\n' })
    expect(listed.stdout.split('\n')).toHaveLength(2)
  })

  it('says how many it leaves out, and lists all where it is told to', async () => {
    const clients = Array.from({ length: 110 }, (_, i) => `c${i}`)
    await Promise.all(clients.map((name) => open('many', { client: name })))
    const list = async (...args: string[]) => {
      const { stdout, stderr, code } = await sessions('list', '--user', 'many', '--json', ...args)
      const { total, data } = JSON.parse(stdout)
      const names = new Set(data.map(({ client }: { client: string }) => client))
      return { code, stderr, total, length: data.length, names: names.size }
    }
    const cut = (shown: number) => ({ code: 0, total: 110, length: shown, names: shown })
    expect(await list()).toEqual({ ...cut(100), stderr: '100 of 110: --all shows all\n' })
    const limited = { ...cut(105), stderr: '105 of 110: --all shows all\n' }
    expect(await list('--limit', '105')).toEqual(limited)
    expect(await list('--limit', '110')).toEqual({ ...cut(110), stderr: '' })
    expect(await list('--all')).toEqual({ ...cut(110), stderr: '' })
    expect(await list('--skip', '60')).toEqual({ ...cut(50), stderr: '' })
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
    const { id } = await open('one', { user: { vip: true } })
    const shown = await sessions('show', id)
    expect(shown.stdout).toMatch(
      new RegExp(`^session +${id}\nkind +command\nuser +one\nstate +open\n`),
    )
    expect(shown.stdout).toMatch(/\nexpires +20\S+Z\n/)
    expect(shown.stdout).toContain('{"vip":true}')
    expect(JSON.parse((await sessions('show', id, '--json')).stdout)).toMatchObject({ id })
    expect((await sessions('close', id)).stdout).toBe(`closed ${id}\n`)
    expect((await sessions('close', id)).stdout).toMatch(
      /had already ended 20\S+ \(closed by gRPC on loopback\)/,
    )
    expect(JSON.parse((await sessions('show', id, '--json')).stdout)).toMatchObject({
      ...{ kind: 'command', expire_time: null },
      ending: { reason: 'closed', by: 'gRPC on loopback' },
    })
    expect((await sessions('delete', id)).stdout).toBe(`deleted ${id}\n`)
    expect(await client.get(id)).toBeNull()
  })

  it('shows, closes and deletes several at once, and tells which do not exist', async () => {
    const ids = [(await open('a')).id, (await open('b')).id]
    const lines = (text: string) => text.trim().split('\n')
    const shown = await sessions('show', ...ids, '--json')
    expect(lines(shown.stdout).map((line) => JSON.parse(line).id)).toEqual(ids)
    const closed = await sessions('close', ids[0] ?? '', 'nobody', ids[1] ?? '')
    expect(closed).toMatchObject({
      code: 1,
      stdout: `closed ${ids[0]}\nclosed ${ids[1]}\n`,
      stderr: 'sessiond: there is no session nobody\n',
    })
    const deleted = await sessions('delete', ...ids)
    expect(deleted).toMatchObject({ code: 0, stdout: `deleted ${ids[0]}\ndeleted ${ids[1]}\n` })
  })

  it('lists what was used since or until some time ago', async () => {
    const { id } = await open('lately')
    const ids = async (...range: string[]) => {
      const { stdout } = await sessions('list', '--user', 'lately', ...range, '--json')
      return JSON.parse(stdout).data.map((session: { id: string }) => session.id)
    }
    expect(await ids('--from', '1h')).toEqual([id])
    expect(await ids('--from', '1d', '--to', '1h30m')).toEqual([])
  })

  it('signs a user out everywhere, and nobody else', async () => {
    const clients = Array.from({ length: 103 }, (_, i) => `c${i}`)
    await Promise.all(clients.map((name) => open('everywhere', { client: name })))
    const { id: other } = await open('elsewhere')
    const dry = await sessions('close', '--user', 'everywhere', '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: 'would close 103 sessions of everywhere\n' })
    const { stdout } = await sessions('close', '--user', 'everywhere')
    expect(stdout).toBe('closed 103 sessions of everywhere\n')
    expect((await client.list({ userId: 'everywhere', active: true })).sessions).toEqual([])
    expect(await client.get(other)).toMatchObject({ active: true })
    const again = await sessions('close', '--user', 'everywhere', '--json')
    const message = 'sessiond: everywhere has no open session\n'
    expect(again).toMatchObject({ code: 7, stdout: '', stderr: message })
  })

  it.skipIf(!haveTerminal()).each([
    ['yes\n', 0, /closed 1 session of asked/, false],
    ['no\n', 1, /nothing was closed/, true],
  ])(
    'asks on a terminal before it closes all of a user: %j',
    async (input, code, message, active) => {
      const { id } = await open('asked')
      const args = ['sessions', 'close', '--user', 'asked', '--server', server.ready.grpc]
      const closed = await onTerminal(args, 'Close 1 session of asked at ', input)
      expect(closed).toEqual({ code, shown: expect.stringMatching(message) })
      expect(await client.get(id)).toMatchObject({ active })
    },
  )

  it.each(['show', 'close', 'delete'])('%s of an unknown id fails', async (command) => {
    expect(await sessions(command, 'nobody')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'sessiond: there is no session nobody\n',
    })
  })

  it.each([
    [['close'], 'give either IDs of sessions or --user'],
    [['close', 'x', '--user', 'y'], 'give either IDs of sessions or --user'],
    [['list', '--limit', '-1'], '--limit: '],
    [['list', '--limit', '1', '--all'], "cannot be used with option '--limit"],
    [['list', '--user', 'hex:0'], '--user: owner "hex:0" is not hexadecimal behind its prefix'],
    [['close', 'x', '--dry-run'], '--dry-run: needs --user'],
    [['list', '--from', 'May'], '--from: "May" is neither'],
    [['list', '--from', '1h', '--to', '2h'], '--from: 1h is not before --to 2h'],
    [['list', '--active', '--ended'], "cannot be used with option '--ended'"],
  ])('%j is a mistake', async (args, message) => {
    const { code, stderr } = await sessions(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it.each<[string, () => string, string]>([
    ['nobody listens', () => '127.0.0.1:1', 'cannot be reached: nothing listens on this port'],
    [
      'somebody else does',
      () => new URL(server.ready.http).host,
      'does not speak gRPC on this port',
    ],
  ])('says that no server answers, and why, where %s', async (_, addressOf, problem) => {
    const address = addressOf()
    expect(await sessiond(['sessions', 'list', '--server', address])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `sessiond: the session server at ${address} ${problem}\n`,
    })
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
      { imported: 0, ended: 0, existing: 2, left_out: 1 },
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
