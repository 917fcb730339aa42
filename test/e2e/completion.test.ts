import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { run, sessiond, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

const directory = await temporaryDirectory(afterAll)
for (const shell of ['bash', 'zsh', 'fish']) {
  const { stdout } = await sessiond(['completion', shell])
  await writeFile(join(directory, `sessiond.${shell}`), stdout)
}
await mkdir(join(directory, 'keys'))
await writeFile(join(directory, 'key one.pem'), '')

type Complete = (...words: string[]) => Promise<string[]>
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .toSorted()

/** What bash offers for the last of the words. */
const bash: Complete = async (...words) => {
  const script = `source sessiond.bash
COMP_WORDS=(sessiond "$@") COMP_CWORD=$#
_sessiond
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = await run('bash', ['-c', script, 'bash', ...words], { cwd: directory })
  expect(stderr).toBe('')
  return linesOf(stdout)
}

/** What fish offers, without the descriptions. */
const fish: Complete = async (...words) => {
  const script = 'source sessiond.fish; complete -C (string join -- " " sessiond $argv)'
  const { stdout, stderr } = await run('fish', ['--no-config', '-c', script, ...words], {
    cwd: directory,
    env: { ...process.env, HOME: directory },
  })
  expect(stderr).toBe('')
  return linesOf(stdout.replace(/\t.*$/gm, ''))
}

/** What zsh offers: the words that its function adds, with the functions that add them replaced by ones that print.
 * As those do, they offer options only after a dash. */
const zsh: Complete = async (...words) => {
  const script = `compdef() { }
_files() { [[ $1 == -/ ]] && print -l -- *(/N) || print -l -- *(N) }
compadd() { shift; print -l -- $@ }
_describe() { if [[ $1 == -o ]]; then [[ $words[CURRENT] == -* ]] || return; shift; fi; local -a described; described=(\${(P)2}); print -l -- \${described%%:*} }
source ./sessiond.zsh
words=(sessiond "$@") CURRENT=$#words
_sessiond`
  const { stdout, stderr } = await run('zsh', ['-f', '-c', script, 'zsh', ...words], {
    cwd: directory,
  })
  expect(stderr).toBe('')
  const last = words.at(-1) ?? ''
  return linesOf(stdout).filter((line) => line.startsWith(last))
}

const shells: Record<string, { complete: Complete; version: [string, string] }> = {
  bash: { complete: bash, version: ['bash', '--version'] },
  zsh: { complete: zsh, version: ['zsh', '--version'] },
  fish: { complete: fish, version: ['fish', '--version'] },
}

for (const [name, { complete, version }] of Object.entries(shells)) {
  describe.skipIf(!haveTool(name, version))(`${name} completes`, () => {
    it('every command', async () => {
      const { stdout } = await sessiond(['--help'])
      const listed = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name)
      const commands = listed.filter((name) => name !== 'help')
      const offered = await complete('')
      expect(commands).toContain('sessions')
      expect(offered.filter((word) => !word.startsWith('-'))).toEqual(commands.toSorted())
    })

    it.each([
      [['re'], ['repair', 'request', 'restore']],
      [
        ['sessions', ''],
        ['close', 'delete', 'list', 'show', 'watch'],
      ],
      [
        ['sessions', 'list', '--t'],
        ['--tls', '--tls-ca', '--tls-cert', '--tls-key', '--to'],
      ],
      [
        ['create', '--key', 'key'],
        ['key one.pem', 'keys'],
      ],
      [['serve', '--data-dir', 'key'], ['keys']],
      [
        ['serve', '--log-level', ''],
        ['debug', 'error', 'info', 'warn'],
      ],
      [['serve', '--plaintext', 'n'], ['no']],
      [
        ['keygen', '--type', ''],
        ['ed25519', 'p256'],
      ],
      [['keygen', '--type', 'p256', '--js'], ['--json']],
      [['clock', 'c'], ['confirm']],
      [
        ['completion', ''],
        ['bash', 'fish', 'zsh'],
      ],
      [
        ['restore', 'key'],
        ['key one.pem', 'keys'],
      ],
      [['sessions', 'list', '--user', ''], []],
    ])('%j', async (words, offered) => {
      const found = await complete(...words)
      // Shells differ in how they write a directory and a blank.
      expect(found.map((word) => word.replace(/\/$/, '').replaceAll('\\ ', ' '))).toEqual(offered)
    })
  })
}

describe.skipIf(!haveTool('bash', ['bash', '--version']))('bash completes', () => {
  it('the value after an equals sign, which it splits off', async () => {
    expect(await bash('keygen', '--type', '=', 'p')).toEqual(['p256'])
    expect(await bash('keygen', '--type', '=')).toEqual(['ed25519', 'p256'])
  })
})
