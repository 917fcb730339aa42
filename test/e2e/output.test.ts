import { afterAll, describe, expect, it } from 'vitest'
import { everyCommand } from '../support/every-command.js'
import { CLI, run, sessiond } from '../support/process.js'
import { unreadBy } from '../support/unread.js'

const { calls } = await everyCommand(afterAll)
const toStdout = { 'keygen --out': () => ['keygen', '--out', '/dev/stdout'] }
const all = Object.entries({ ...calls, ...toStdout })

/** Runs `sessiond …` with its output redirected by the shell. The exit code is that of sessiond. */
const redirected = (args: readonly string[], redirection: string) =>
  run('bash', ['-c', `"$@" ${redirection}`, 'bash', process.execPath, CLI, ...args])

/** Runs `sessiond …` with its output into a pipe whose reader has left before. The exit code is that of sessiond. */
const unread = (args: readonly string[], redirection = '') =>
  run('bash', ['-c', unreadBy(`"$@" ${redirection}`), 'bash', process.execPath, CLI, ...args])

it('every command is tried here', async () => {
  const commandsOf = async (...command: string[]) => {
    const { stdout } = await sessiond([...command, '--help'])
    return [...stdout.matchAll(/^ {2}([a-z-]+) (?:\[options\]|<|\[)/gm)].map(([, name]) =>
      [...command, name].join(' '),
    )
  }
  const below = await Promise.all([commandsOf('sessions'), commandsOf('token')])
  const names = [...(await commandsOf()), ...below.flat()]
  expect(names).toContain('sessions list')
  const untried = names.filter((name) => !(name in calls) && !name.endsWith('help'))
  expect(untried).toEqual(['serve', 'bridge'])
})

describe.each(all)('%s', (name, call) => {
  it('says that standard output cannot be written, and ends with 1', async () => {
    const { code, stderr } = await redirected(await call(), '> /dev/full')
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^(?:.*\n)?sessiond: standard output cannot be written: ENOSPC: no space left on device, write\n$/,
    )
  })

  it('ends quietly when the reader of its output leaves', async () => {
    const { code, stderr } = await unread(await call())
    expect(stderr.replace(/^The .*key was not checked: .*\n$/, '')).toBe('')
    // What these make is not whole.
    expect(code).toBe(['export', 'keygen --out'].includes(name) ? 1 : 0)
  })
})

it.each([['--help'], ['--version'], ['serve --help'], ['sessions list --help']])(
  '%s does the same',
  async (args) => {
    const full = await redirected(args.split(' '), '> /dev/full')
    expect(full).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^sessiond: standard output cannot be written: ENOSPC/),
    })
    expect(await unread(args.split(' '))).toMatchObject({ code: 0, stderr: '' })
  },
)

it('a full disk under standard error changes no exit code', async () => {
  expect(await redirected(['create', '--speed'], '2> /dev/full')).toMatchObject({ code: 2 })
  expect(
    await redirected(['sessions', 'show', 'x', '--server', '127.0.0.1:1'], '2> /dev/full'),
  ).toMatchObject({ code: 1 })
  expect(await unread(['create', '--speed'], '2>&1 >/dev/null')).toMatchObject({
    code: 2,
  })
})
