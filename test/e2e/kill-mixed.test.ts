import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { connect, SessionsClient } from '../../src/client/index.js'
import { watchSessions } from '../../src/client/watch.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { freeAddress } from '../support/free-port.mjs'
import { auditLevel } from '../support/level-audit.js'
import { isKept, type MixedLoad, startMixedLoad } from '../support/mixed-load.js'
import { sessiond, startServer, temporaryDirectory } from '../support/process.js'

const ROUNDS = process.env.SESSIOND_TEST_LONG ? 100 : 3
const CALLERS = 8

/** Holds what a killed server left to everything that it had acknowledged. */
async function expectAllKept(dataDir: string, load: MixedLoad): Promise<void> {
  const location = join(dataDir, 'store')
  expect(await auditLevel(location)).toEqual([])
  const store = await LevelStore.open(location, { epochs: { genesisAtMs: 0, lengthMs: 1000 } })
  try {
    for (const { answer } of load.creates) {
      if (answer !== undefined) {
        expect(await store.get(answer.id)).toMatchObject({ active: true })
        expect(await store.seal(answer.id)).toBeDefined()
      }
    }
    for (const known of load.sessions) {
      const session = await store.get(known.id)
      const found = session && {
        active: session.active,
        // Of a session that has ended the store keeps what is no longer shown.
        data: session.active ? session.data : null,
      }
      if (!isKept(known, found ?? 'deleted')) {
        throw new Error(`acknowledged: ${JSON.stringify(known)}, found: ${JSON.stringify(found)}`)
      }
    }
  } finally {
    await store.close()
  }
}

describe('a server killed under load of every kind', () => {
  it(
    'has lost nothing that it acknowledged, and viewers see it as it is',
    async () => {
      const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
      const args = [
        ...['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', '0'],
        // All of them, also after a hundred rounds.
        ...['--feed-max-sessions', '1000000', '--http', await freeAddress()],
      ]
      const start = () => startServer({ dataDir, args })
      let server = await start()
      onTestFinished(async () => {
        await server.stop('SIGKILL')
      })
      const { http } = server.ready
      const watch = watchSessions(`${http.replace('http', 'ws')}/session-list`, { WebSocket })
      onTestFinished(() => watch.close())
      for (let round = 1; round <= ROUNDS; round++) {
        const load = await startMixedLoad({
          grpc: server.ready.grpc,
          seneca: server.ready.seneca[0] as string,
          callers: CALLERS,
          mayFail: () => true,
        })
        // Another moment each time.
        await load.answered(400 + ((round * 197) % 600))
        server.child.kill('SIGKILL')
        expect(await server.exited).toMatchObject({ code: null, signal: 'SIGKILL' })
        await load.ended
        expect(load.creates.length).toBeGreaterThan(CALLERS)
        await expectAllKept(dataDir, load)
        const check = await sessiond(['check', '--data-dir', dataDir])
        expect(check, check.stdout).toMatchObject({ code: 0 })
        server = await start()
      }
      const connection = connect(server.ready.grpc, { serverKeys: 'any' })
      onTestFinished(() => connection.close())
      const sessions = new SessionsClient(connection)
      const open = new Set<string>()
      for (let total = 1; open.size < total; ) {
        const page = await sessions.list({ active: true, skip: open.size, total: true })
        total = page.total as number
        for (const { id } of page.sessions) {
          open.add(id)
        }
      }
      await expect.poll(() => new Set(watch.sessions.keys())).toEqual(open)
    },
    ROUNDS * 120_000,
  )
})
