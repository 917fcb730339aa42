import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, createSession, generateKey, SessionsClient } from '../../src/client/index.js'
import { freeAddress } from '../support/free-port.mjs'
import { CLI, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

/** Longer than a busy machine may take from the request to its answer. */
const LIFETIME_MS = 5000
const TOKEN = 'a-token-of-sixteen-or-more'

/** `sessiond sessions watch --json`, event by event. */
function startWatch(http: string, ...args: string[]) {
  const address = new URL(http).host
  const child = spawn(process.execPath, [
    CLI,
    'sessions',
    'watch',
    '--json',
    '--http',
    address,
    ...args,
  ])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async until(type: string): Promise<Record<string, { id?: string }>> {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) {
          throw new Error(`the watch ended without ${type}`)
        }
        const event = JSON.parse(value)
        if (event.type === type) {
          return event
        }
      }
    },
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

async function start(...args: string[]) {
  const server = await startServer({ dataDir: await temporaryDirectory(afterAll), args })
  onTestFinished(async () => {
    await server.stop()
  })
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  onTestFinished(() => connection.close())
  return { server, connection, sessions: new SessionsClient(connection) }
}

describe('sessiond sessions watch', () => {
  it('tells of sessions that commands and Create open, also of their end by the sweep', async () => {
    const { server, connection, sessions } = await start()
    const before = await sessions.open({ userId: 'early', address: 'here', client: 'app' })
    const watch = startWatch(server.ready.http)
    expect(await watch.until('added')).toMatchObject({
      session: { id: before.id, active_users: 1, begin_time: expect.any(String) },
    })
    const created = await createSession(connection, {
      ownerKey: generateKey('ed25519'),
      lifetimeMs: LIFETIME_MS,
    })
    expect((await watch.until('added')).session?.id).toBe(created.id)
    expect((await watch.until('removed')).session?.id).toBe(created.id)
    await sessions.close(before.id)
    expect((await watch.until('removed')).session?.id).toBe(before.id)
    expect(await watch.stop()).toBe(0)
  })

  it('goes on when the server comes back', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const args = ['--http', await freeAddress()]
    const first = await startServer({ dataDir, args })
    const watch = startWatch(first.ready.http)
    await watch.until('open')
    await first.stop()
    expect(await watch.until('waiting')).toMatchObject({ reason: 'the server stops' })
    const second = await startServer({ dataDir, args })
    onTestFinished(async () => {
      await second.stop()
    })
    await watch.until('open')
    expect(await watch.stop()).toBe(0)
  })

  it('shows the token of a server that is bound elsewhere', async () => {
    const file = join(await temporaryDirectory(onTestFinished), 'token')
    await writeFile(file, `${TOKEN}\n`)
    const { server } = await start(
      '--http',
      '0.0.0.0:0',
      '--plaintext',
      'yes',
      '--feed-token',
      file,
    )
    const http = server.ready.http.replace('0.0.0.0', '127.0.0.1')
    expect(await startWatch(http).until('waiting')).toMatchObject({
      reason: 'the server refuses (401): the token of --feed-token is needed',
    })
    await startWatch(http, '--token', file).until('open')
    expect((await server.stop()).stdout).not.toContain(TOKEN)
  })

  it('watches over TLS, and says so where it does not trust the server', async () => {
    const tls = await tlsSetup(await temporaryDirectory(onTestFinished))
    const server = await startServer({
      dataDir: await temporaryDirectory(onTestFinished),
      args: tls.serveArgs,
    })
    onTestFinished(async () => {
      await server.stop()
    })
    await startWatch(server.ready.http, '--tls-ca', tls.caFile).until('open')
    expect(await startWatch(server.ready.http, '--tls').until('waiting')).toMatchObject({
      reason: expect.stringMatching(/certificate/),
    })
  })
})

describe('sessiond serve', () => {
  it('is not bound elsewhere without a token or a word of the operator', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const serve = (...args: string[]) =>
      sessiond([
        ...['serve', '--data-dir', dataDir, '--http', '0.0.0.0:0', '--plaintext', 'yes'],
        ...args,
      ])
    const refused = await serve()
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/--feed-token FILE.*--feed-public yes/)
    const short = join(dataDir, 'token')
    await writeFile(short, 'short')
    const tooShort = await serve('--grpc', '127.0.0.1:0', '--seneca', 'off', '--feed-token', short)
    expect(tooShort).toMatchObject({ code: 4 })
    expect(tooShort.stderr).toContain('at least 16 characters')
  })
})
