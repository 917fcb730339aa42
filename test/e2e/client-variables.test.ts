import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { everyCommand } from '../support/every-command.js'
import { CLI, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

/** Runs a command with only these of our variables. */
const withVariables = (args: readonly string[], variables: Readonly<Record<string, string>>) => {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('SESSIOND_'))
  return sessiond(args, { env: { ...Object.fromEntries(others), ...variables } })
}

const { server, dataDir, calls } = await everyCommand(afterAll)
const directory = await temporaryDirectory(afterAll)
const tls = await tlsSetup(directory)
const feedToken = join(directory, 'feed.token')
await writeFile(feedToken, 'a-token-of-sixteen-or-more')
const guarded = await startServer({
  dataDir: join(directory, 'data'),
  args: [...tls.serveArgs, '--feed-token', feedToken],
})
afterAll(() => guarded.stop())

describe('SESSIOND_SERVER', () => {
  // One of each kind of connection. test/unit/cli/client-variables.test.ts asks every command for the option.
  const names = ['identity --server', 'create', 'token list', 'sessions list', 'status']
  const online = Object.entries(calls).filter(([name]) => names.includes(name))

  it('is tried with a command of each kind', () => {
    expect(online).toHaveLength(names.length)
  })

  it.each(online)('is the server of %s', async (_, call) => {
    const args = await call()
    const given = args.splice(args.indexOf('--server'), 2)
    expect(given).toEqual(['--server', server.ready.grpc])
    const variables = { SESSIOND_SERVER: server.ready.grpc }
    expect(await withVariables(args, variables)).toMatchObject({ code: 0 })
  })

  it('gives way to the option, and is named if it is wrong', async () => {
    const variables = { SESSIOND_SERVER: 'nowhere' }
    const args = ['status', '--server', server.ready.grpc]
    expect(await withVariables(args, variables)).toMatchObject({ code: 0 })
    expect(await withVariables(['status'], variables)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^sessiond: SESSIOND_SERVER \(--server\): "nowhere" is not/),
    })
  })

  it('is not asked by `identity` if an option names the file', async () => {
    const variables = { SESSIOND_SERVER: '127.0.0.1:1' }
    const args = ['identity', '--data-dir', dataDir]
    expect(await withVariables(args, variables)).toMatchObject({ code: 0, stderr: '' })
    expect(await withVariables(['identity'], variables)).toMatchObject({ code: 1 })
  })
})

describe('the other variables', () => {
  const variables = {
    SESSIOND_SERVER: guarded.ready.grpc,
    SESSIOND_TLS_CA: tls.caFile,
    SESSIOND_ADMIN_TOKEN_FILE: tls.tokenFile,
  }

  it('name the authority and the token of a server', async () => {
    expect(await withVariables(['status'], variables)).toMatchObject({ code: 0, stderr: '' })
    for (const missing of ['SESSIOND_TLS_CA', 'SESSIOND_ADMIN_TOKEN_FILE']) {
      const { [missing as keyof typeof variables]: _, ...rest } = variables
      expect(await withVariables(['status'], rest)).toMatchObject({ code: 1, stdout: '' })
    }
  })

  it('name the client certificate and its key', async () => {
    const { cert, key } = tls.operators.issue({ commonName: 'alice', usage: 'client' })
    const [certFile, keyFile] = [join(directory, 'alice.crt'), join(directory, 'alice.key')]
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
    const { SESSIOND_ADMIN_TOKEN_FILE: _, ...rest } = variables
    const pair = { SESSIOND_TLS_CLIENT_CERT: certFile, SESSIOND_TLS_CLIENT_KEY: keyFile }
    expect(await withVariables(['status'], { ...rest, ...pair })).toMatchObject({ code: 0 })
    const half = { ...rest, SESSIOND_TLS_CLIENT_CERT: certFile }
    expect(await withVariables(['status'], half)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SESSIOND_TLS_CLIENT_KEY'),
    })
  })

  it('name the keys to pin', async () => {
    const { stdout } = await withVariables(['identity'], variables)
    const pinned = { ...variables, SESSIOND_SERVER_KEY: `${'00'.repeat(32)} ${stdout.trim()}` }
    expect(await withVariables(['identity'], pinned)).toEqual(
      expect.objectContaining({ code: 0, stdout, stderr: '' }),
    )
    const wrong = { ...variables, SESSIOND_SERVER_KEY: '00'.repeat(32) }
    expect(await withVariables(['identity'], wrong)).toMatchObject({ code: 1, stdout: '' })
  })

  it('name the address and the token of the session list', async () => {
    const list = {
      SESSIOND_HTTP: new URL(guarded.ready.http).host,
      SESSIOND_FEED_TOKEN: feedToken,
      SESSIOND_TLS_CA: tls.caFile,
    }
    const env = { ...process.env, ...list }
    const watch = spawn(process.execPath, [CLI, 'sessions', 'watch', '--json'], { env })
    onTestFinished(() => void watch.kill('SIGKILL'))
    const types: string[] = []
    for await (const line of createInterface(watch.stdout)) {
      types.push(JSON.parse(line).type)
      if (types.length === 2) {
        watch.kill()
      }
    }
    expect(types).toEqual(['connecting', 'open'])
    const wrong = { ...list, SESSIOND_HTTP: 'off' }
    expect(await withVariables(['sessions', 'watch'], wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^sessiond: SESSIOND_HTTP \(--http\): "off" is not/),
    })
  })
})
