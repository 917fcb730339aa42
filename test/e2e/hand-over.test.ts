import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { AdminClient, connect } from '../../src/client/index.js'
import { watchSessions } from '../../src/client/watch.js'
import { freeAddress } from '../support/free-port.mjs'
import {
  type LoggingProcess,
  spawnServer,
  startServer,
  temporaryDirectory,
  untilReady,
} from '../support/process.js'
import { actLine, connectPeer } from '../support/seneca.js'
import { loadSessions } from '../support/session-load.js'

const ROUNDS = process.env.SESSIOND_TEST_LONG ? 30 : 3
const QUOTA = ['--max-sessions-per-owner', '0']

let dataDir: string
beforeEach(async () => {
  dataDir = join(await temporaryDirectory(onTestFinished), 'data')
})

function endAfterwards<S extends LoggingProcess>(server: S): S {
  onTestFinished(async () => {
    await server.stop('SIGKILL')
  })
  return server
}

/** Asks over a connection of its own. */
async function act(address: string): Promise<object | undefined> {
  const peer = await connectPeer({ address })
  peer.send(actLine({ role: 'sessions', version: 1, cmd: 'get_sessions', filter: {} }))
  const answer = await peer.answer()
  peer.socket.destroy()
  return answer
}

const webSocketOf = (http: string) => `${http.replace('http', 'ws')}/session-list`

describe('a second server that waits for the lock', () => {
  it(
    'takes over without an error for clients of the SDK',
    async () => {
      const [grpc, seneca] = [await freeAddress(), `tcp://${await freeAddress()}`]
      const listening = ['--grpc', grpc, '--http', await freeAddress(), '--seneca', seneca]
      const args = [...QUOTA, ...listening]
      let current = endAfterwards(await startServer({ dataDir, args }))
      const { http } = current.ready
      const connection = connect(grpc, { serverKeys: 'any' })
      const watch = watchSessions(webSocketOf(http), { WebSocket })
      const load = loadSessions(connection, 16)
      await load.more(16)
      for (let round = 1; round <= ROUNDS; round++) {
        const waiting = [...args, '--wait-for-lock']
        const next = endAfterwards(spawnServer({ dataDir, args: waiting }))
        await next.event('waiting-for-lock')
        await load.more(5 * round)
        expect(await current.stop()).toMatchObject({ code: 0, signal: null })
        current = await untilReady(next)
        expect(current.ready.grpc).toBe(grpc)
        await load.more(16)
        expect(await act(seneca)).toHaveProperty('res')
      }
      await load.stop()
      const { openSessions } = await new AdminClient(connection).status()
      expect(openSessions).toBe(load.created.length)
      const ids = load.created.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      await expect.poll(() => ids.filter((id) => !watch.sessions.has(id))).toEqual([])
      watch.close()
      connection.close()
    },
    ROUNDS * 120_000,
  )

  it('ends with 0 at a signal, having touched nothing', async () => {
    const first = endAfterwards(await startServer({ dataDir }))
    const second = endAfterwards(spawnServer({ dataDir, args: ['--wait-for-lock'] }))
    await second.event('waiting-for-lock')
    expect(await second.stop()).toMatchObject({ code: 0, signal: null })
    expect(await first.stop()).toMatchObject({ code: 0, signal: null })
  })

  it('ends with 3 when the wait was in vain', async () => {
    endAfterwards(await startServer({ dataDir }))
    const second = endAfterwards(spawnServer({ dataDir, args: ['--wait-for-lock', '200ms'] }))
    expect(await second.exited).toMatchObject({
      ...{ code: 3, signal: null },
      stderr: expect.stringContaining('is in use by another process'),
    })
  })

  it('takes over from a server that was killed', async () => {
    const args = ['--grpc', await freeAddress()]
    const first = endAfterwards(await startServer({ dataDir, args }))
    const waiting = [...args, '--wait-for-lock']
    const second = endAfterwards(spawnServer({ dataDir, args: waiting }))
    await second.event('waiting-for-lock')
    await first.stop('SIGKILL')
    expect((await untilReady(second)).ready.grpc).toBe(first.ready.grpc)
  })
})
