import { createPrivateKey } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  OPENSSH_ED25519,
  OPENSSH_PUBLIC_KEY,
  RFC_8410_PUBLIC_KEY,
  RFC_8410_VERSION_1,
  RFC_8410_VERSION_2,
} from '../support/private-keys.js'
import { CLI, run, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { unreadBy } from '../support/unread.js'

let directory: string
let file: (name: string) => string
let dataDir: string
beforeEach(async () => {
  directory = await temporaryDirectory(onTestFinished)
  file = (name) => join(directory, name)
  dataDir = file('data')
})

/** Runs a line of the shell in which `sessiond` is the command. */
const shell = (line: string) =>
  run(
    'bash',
    ['-c', `set -o pipefail; sessiond() { "${process.execPath}" "${CLI}" "$@"; }; ${line}`],
    {
      cwd: directory,
    },
  )

const BOM = '\ufeff'
const RECORD = '{"id":"a","user_id":"u","open_time":1700000000,"data":\t{"n":12345678901234567890}}'

async function serve(args: readonly string[] = [], wrapper: readonly string[] = []) {
  const server = await startServer({ dataDir, args, wrapper })
  onTestFinished(() => server.stop().then(() => {}))
  return server
}

describe('what commands read', () => {
  it('may be a pipe or a socket, with a byte order mark, and keeps its digits', async () => {
    const imported = await sessiond(
      ['import', '/dev/stdin', '--idle-timeout', 'none', '--data-dir', dataDir],
      { input: `${BOM}[${RECORD}]` },
    )
    expect(imported).toMatchObject({ code: 0, stderr: '' })
    await writeFile(file('b.json'), `[${RECORD.replace('"a","user_id":"u"', '"b","user_id":"v"')}]`)
    const line = 'cat b.json | sessiond import /dev/stdin --idle-timeout none --data-dir data'
    expect(await shell(line)).toMatchObject({ code: 0, stderr: '' })

    const { ready } = await serve(['--idle-timeout', 'none'])
    const got = await sessiond(['sessions', 'show', 'a', '--server', ready.grpc, '--json'])
    expect(got.stdout).toContain('"open_time":"2023-11-14T22:13:20.000Z"')
    expect(got.stdout).toContain('"data":{"n":12345678901234567890}')
    const list = await sessiond(['sessions', 'list', '--server', ready.grpc, '--json'])
    expect(list.stdout.match(/12345678901234567890/g)).toHaveLength(2)
    expect(JSON.parse(list.stdout).data).toHaveLength(2)
  })

  it('may be a key in another form than PEM, or is named', async () => {
    const jwk = createPrivateKey(RFC_8410_VERSION_1).export({ format: 'jwk' })
    await writeFile(file('jwk'), JSON.stringify(jwk))
    await writeFile(file('openssh'), OPENSSH_ED25519)
    await writeFile(file('hex'), `${Buffer.from(jwk.d ?? '', 'base64url').toString('hex')}\n`)
    const { stdout, stderr } = await shell(
      'for form in jwk openssh hex; do sessiond identity --identity-key $form; done',
    )
    expect(stdout.split('\n')).toEqual([RFC_8410_PUBLIC_KEY, OPENSSH_PUBLIC_KEY, ''])
    const [, command = ''] = /"([^"]+ openssl pkey -inform DER -out owner\.key)"/.exec(stderr) ?? []
    const converted = await shell(`${command} && sessiond identity --identity-key owner.key`)
    expect(converted.stdout).toBe(`${RFC_8410_PUBLIC_KEY}\n`)
  })

  it('may be a key, a config, owners and a token that the shell substitutes', async () => {
    await writeFile(file('key'), BOM + RFC_8410_VERSION_2.replaceAll('\n', ' \r\n'))
    const owner = RFC_8410_PUBLIC_KEY
    const identity = await shell('sessiond identity --identity-key <(cat key)')
    expect(identity).toMatchObject({ stdout: `${owner}\n`, stderr: '' })

    await writeFile(file('config'), `${BOM}{"plaintext": true, "admin-token-file": "token"}`)
    await writeFile(file('owners'), `${BOM}{"somebody": "${owner}"}`)
    // As PowerShell's `>` writes it.
    await writeFile(file('token'), Buffer.from(`${BOM}0123456789abcdef0123\r\n`, 'utf16le'))
    const substituting =
      'cd "$1"; shift; exec "$@" --config <(cat config) --owners <(cat owners) --admin-token-file <(cat token)'
    const { ready } = await serve([], ['bash', '-c', substituting, 'bash', directory])
    const created = await shell(
      `sessiond create --server ${ready.grpc} --key <(cat key) --owner somebody --json`,
    )
    expect(created).toMatchObject({ code: 0, stdout: expect.stringContaining('"public_key"') })
    const status = `sessiond status --server ${ready.grpc} --admin-token-file <(cat token)`
    expect(await shell(status)).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('what commands write', () => {
  it('may be a pipe: a backup goes through one into a new store', async () => {
    await writeFile(file('a.json'), `[${RECORD}]`)
    await shell('sessiond import a.json --idle-timeout none --data-dir data')
    const { ready } = await serve(['--idle-timeout', 'none'])
    const moved = await shell(
      `sessiond backup /dev/stdout --server ${ready.grpc} | cat | sessiond restore /dev/stdin --data-dir new`,
    )
    expect(moved).toMatchObject({ code: 0, stdout: 'restored 1 sessions into new/store\n' })
    expect(moved.stderr).toMatch(/^wrote \/dev\/stdout: 1 sessions, \d+ bytes$/m)

    const cut = await shell(unreadBy(`sessiond backup /dev/stdout --server ${ready.grpc}`))
    expect(cut).toMatchObject({ code: 1, stderr: '' })

    const exported = await shell(`sessiond export --user u --server ${ready.grpc} | cat`)
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('"id":"a"') })
    const gone = await shell(unreadBy(`sessiond export --user u --server ${ready.grpc}`))
    expect(gone).toMatchObject({ code: 1, stderr: '' })
  })

  it('may be standard output, where nothing else then is', async () => {
    const { code, stdout, stderr } = await sessiond(['keygen', '--out', '/dev/stdout'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n$/)
    expect(stderr).toMatch(/^wrote \/dev\/stdout$/m)

    const line = 'mkfifo pipe; cat pipe & sessiond keygen --out pipe > /dev/null; wait'
    expect((await shell(line)).stdout).toMatch(/-----END PRIVATE KEY-----\n$/)
  })
})
