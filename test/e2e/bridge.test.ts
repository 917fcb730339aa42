import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freeAddress } from '../support/free-port.mjs'
import {
  CLI,
  linesOf,
  sessiond,
  spawnLogging,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

/** `sessiond bridge` in a process of its own. */
async function startBridgeProcess(server: string, seneca: string, ...rest: readonly string[]) {
  const args = [CLI, 'bridge', '--server', server, '--seneca', seneca, ...rest]
  const bridge = spawnLogging([process.execPath, ...args])
  onTestFinished(async () => void (await bridge.stop('SIGKILL')))
  const { seneca: addresses } = await bridge.event('ready')
  const [first = '', second = ''] = addresses as readonly string[]
  return { ...bridge, tcp: new URL(first), http: second }
}

/** Sends acts over one raw socket, one at a time, as a Seneca client of version 3 does. */
async function senecaSocket({ hostname, port }: URL) {
  const socket = connectSocket(Number(port), hostname.replace(/[[\]]/g, ''))
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  let sent = 0
  return async (act: object) => {
    const id = `${++sent}/x`
    const message = { id, kind: 'act', origin: 'o', track: ['o'], time: {}, act, sync: true }
    socket.write(`${JSON.stringify(message)}\n`)
    const { value } = await lines.next()
    const answer = JSON.parse(value)
    expect(answer.id).toBe(id)
    return answer
  }
}

const place = { user_id: 'zoë', address: 'here', client: 'app' }
const command = (cmd: string, args: object = {}) => ({ role: 'sessions', cmd, ...args })

describe('sessiond bridge', () => {
  it('speaks Seneca for a server elsewhere, also after that was away', async () => {
    const dataDir = await temporaryDirectory(onTestFinished)
    const grpc = await freeAddress()
    const server = await startServer({ dataDir, args: ['--grpc', grpc] })
    onTestFinished(() => server.stop().then(() => {}))
    const bridge = await startBridgeProcess(grpc, 'tcp://127.0.0.1:0,http://127.0.0.1:0')
    const act = await senecaSocket(bridge.tcp)

    const { res: opened } = await act(command('open_session', { ...place, data: { a: 1 } }))
    expect(opened).toMatchObject({ ...place, active: true, data: { a: 1 } })
    const { id: session_id } = opened
    const loaded = await act(command('load_session', { user_id: 'zoë', session_id }))
    expect(loaded.res).toMatchObject({ id: session_id, last_request: expect.any(String) })
    expect((await act(command('get_session_by_id', { session_id: 'no' }))).res).toBeNull()
    const lost = await act(command('store_session_data', { session_id: 'no', data: 1 }))
    expect(lost.error).toMatchObject({ code: 'NOT_FOUND', status: 404 })
    const older = await act(command('get_sessions', { user_id: 'zoë' }))
    expect(older.res).toMatchObject([{ id: session_id, data: { a: 1 } }])
    const everyone = await act(command('get_sessions', { user_id: null }))
    expect(everyone.error).toMatchObject({ code: 'INVALID_FIELD', details: { field: 'user_id' } })
    const closed = await act(command('close_session', place))
    expect(closed.res).toBeNull()
    const twice = await act(command('close_session', { session_id }))
    expect(twice.res).toMatchObject({ id: session_id, active: false, data: null })
    const { res: page } = await act(command('get_sessions', { paging: { total: true } }))
    expect(page).toMatchObject({ total: 1, data: [{ id: session_id, active: false }] })

    await server.stop()
    const get = command('get_session_by_id', { session_id })
    const away = { code: 'SERVER_UNAVAILABLE', status: 503 }
    for (let i = 0; i < 3; i++) {
      expect((await act(get)).error).toMatchObject(away)
    }
    const posted = await fetch(`${bridge.http}/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(get),
    })
    expect(posted.status).toBe(503)
    expect(await posted.json()).toMatchObject(away)

    const again = await startServer({ dataDir, args: ['--grpc', grpc] })
    onTestFinished(() => again.stop().then(() => {}))
    let answer = await act(get)
    while (answer.error) {
      expect(answer.error).toMatchObject(away)
      answer = await act(get)
    }
    expect(answer.res).toMatchObject({ id: session_id, user_id: 'zoë' })

    const { code, stdout, stderr } = await bridge.stop()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const events = linesOf(stdout).map(({ event }) => event)
    expect(events.filter((event) => !/^(call-|lines-)/.test(event))).toEqual([
      ...['ready', 'server-away', 'server-back', 'stopping', 'stopped'],
    ])
  })

  it('shows the admin token, over TLS, to a server that is bound elsewhere', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const tls = await tlsSetup(directory)
    const server = await startServer({
      dataDir: join(directory, 'data'),
      args: ['--grpc', '0.0.0.0:0', ...tls.serveArgs],
    })
    onTestFinished(() => server.stop().then(() => {}))
    const address = server.ready.grpc.replace('0.0.0.0', '127.0.0.1')
    const start = (...args: readonly string[]) =>
      startBridgeProcess(address, 'tcp://127.0.0.1:0', ...args)
    const [bridge, without] = await Promise.all([
      start(...tls.clientArgs),
      start('--tls-ca', tls.caFile),
    ])
    const act = await senecaSocket(bridge.tcp)
    const { res } = await act(command('open_session', place))
    expect(res).toMatchObject({ ...place, active: true })
    // What no caller of the bridge can mend is told to its operator.
    const actWithout = await senecaSocket(without.tcp)
    expect((await actWithout(command('get_sessions', { paging: {} }))).error).toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: expect.stringContaining('refuses the bridge: an admin credential is needed'),
    })
    await without.event('server-away')
  })

  it('starts before its server', async () => {
    const bridge = await startBridgeProcess('127.0.0.1:1', 'tcp://[::1]:0')
    const act = await senecaSocket(bridge.tcp)
    expect((await act(command('close_expired_sessions'))).error).toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      message: 'the session server at 127.0.0.1:1 cannot be reached: nothing listens on this port',
    })
  })

  it.each([
    [['--seneca', 'tcp://0.0.0.0:8807'], '--seneca: 0.0.0.0 is not a loopback address'],
    [['--seneca', 'off'], '--seneca: a bridge must listen somewhere'],
    [
      ['--seneca', 'udp://127.0.0.1:1'],
      '--seneca: "udp://127.0.0.1:1" is not an address such as tcp://',
    ],
  ])('refuses %j', async (args, message) => {
    const refused = await sessiond(['bridge', '--server', '127.0.0.1:1', ...args])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain(message)
  })
})
