import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { LevelStore } from '../../src/stores/level/store.js'
import { createClient, createRequest, inFlight, type Refused } from '../support/create.js'
import { beginCreate } from '../support/half-sent.js'
import { watchHealth } from '../support/health.js'
import { linesOf, type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'

const FAULTY = fileURLToPath(new URL('../support/faulty-server.mjs', import.meta.url))
const HANGING = fileURLToPath(new URL('../support/hanging-server.mjs', import.meta.url))
const ROUNDS = process.env.SESSIOND_TEST_LONG ? 30 : 3
const IN_FLIGHT = 32

let dataDir: string
beforeEach(async () => {
  dataDir = join(await temporaryDirectory(onTestFinished), 'data')
})

async function start(args: string[] = [], entry?: string): Promise<ServerProcess> {
  const server = await startServer({ dataDir, args, ...(entry !== undefined && { entry }) })
  onTestFinished(async () => {
    await server.stop('SIGKILL')
  })
  return server
}

/** A call, and what came of it. */
interface Sent {
  readonly isBeforeSignal: boolean
  outcome?: string | Refused
}

/** Sends Creates until `until` says so or one is refused; `onAnswer` is called after each answer. */
async function load(
  { ready }: ServerProcess,
  { isStopping, onAnswer }: { isStopping: () => boolean; onAnswer: (answers: number) => void },
): Promise<Sent[]> {
  const client = createClient(ready.grpc)
  const all: Sent[] = []
  let answers = 0
  let isRefused = false
  const work = async () => {
    while (!isRefused) {
      const sent: Sent = { isBeforeSignal: !isStopping() }
      all.push(sent)
      try {
        sent.outcome = (await client.create(createRequest())).id
        onAnswer(++answers)
      } catch (error) {
        isRefused = true
        sent.outcome = error as Refused
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  client.close()
  return all
}

/** Opens what a server has left, which must be whole. */
async function inStore<T>(use: (store: LevelStore) => Promise<T>): Promise<T> {
  const epochs = { genesisAtMs: 0, lengthMs: 1000 }
  const store = await LevelStore.open(join(dataDir, 'store'), { epochs })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

describe('a server that is told to stop under load', () => {
  it(
    'answers every call that was sent before, and has done nothing of what it refuses',
    async () => {
      let answered = 0
      for (let round = 1; round <= ROUNDS; round++) {
        const server = await start()
        let isStopping = false
        const sent = await load(server, {
          isStopping: () => isStopping,
          onAnswer(answers) {
            if (answers === 100 + 37 * round) {
              isStopping = true
              // Node writes what was sent in this turn of its loop at the end of the turn.
              setImmediate(() => setImmediate(() => server.child.kill('SIGTERM')))
            }
          },
        })
        expect(await server.exited).toMatchObject({ code: 0, signal: null })
        expect(
          sent.filter((call) => call.isBeforeSignal && typeof call.outcome !== 'string'),
        ).toEqual([])
        const refused = sent.filter((call) => typeof call.outcome !== 'string')
        expect(refused.every((call) => (call.outcome as Refused).code === 'UNAVAILABLE')).toBe(true)
        answered += sent.length - refused.length
        expect(await inStore((store) => store.countOpen())).toBe(answered)
      }
    },
    ROUNDS * 120_000,
  )

  it('fails no call of clients that heed its health, whom it gives time', async () => {
    const server = await start(['--drain-delay', '3s'])
    const health = watchHealth(server.ready.grpc)
    await health.watched
    const client = createClient(server.ready.grpc)
    let isLeaving = false
    void health.notServing.then(() => {
      isLeaving = true
    })
    let answers = 0
    await inFlight(IN_FLIGHT, Number.POSITIVE_INFINITY, async () => {
      if (isLeaving) {
        throw 'left'
      }
      await client.create(createRequest())
      if (++answers === 200) {
        server.child.kill('SIGTERM')
      }
    }).catch((reason) => expect(reason).toBe('left'))
    client.close()
    expect(await server.exited).toMatchObject({ code: 0, signal: null })
    expect(await health.ended).toEqual({ code: 'UNAVAILABLE', details: 'the server is stopping' })
  })
})

describe('a server that is told to stop', () => {
  it('serves on during the drain delay and says that it stops; a second signal ends that', async () => {
    // Together more than one of Node's timers can wait.
    const server = await start(['--drain-delay', '20d', '--grace', '20d'])
    const health = watchHealth(server.ready.grpc)
    await health.watched
    const readiness = async () => (await fetch(`${server.ready.http}/readyz`)).status
    expect(await readiness()).toBe(200)
    server.child.kill('SIGTERM')
    await health.notServing
    expect(await readiness()).toBe(503)
    const client = createClient(server.ready.grpc)
    await expect(client.create(createRequest())).resolves.toHaveProperty('id')
    client.close()
    expect(await server.stop('SIGTERM')).toMatchObject({ code: 6, signal: null })
    expect(await inStore((store) => store.countOpen())).toBe(1)
  })

  it('cuts what outlasts the grace period, and loses nothing', async () => {
    const server = await start(['--grace', '100ms'])
    const client = createClient(server.ready.grpc)
    const { id } = await client.create(createRequest())
    client.close()
    const call = await beginCreate(server.ready.grpc, createRequest())
    expect(await server.stop()).toMatchObject({ code: 6, signal: null })
    expect(await server.event('stopped-by-force')).toMatchObject({
      cut: { [server.ready.grpc]: 1 },
    })
    call.close()
    expect(await inStore((store) => store.get(id))).toMatchObject({ active: true })
  })

  it('cuts at once at a second signal', async () => {
    const server = await start(['--grace', '1h'])
    const call = await beginCreate(server.ready.grpc, createRequest())
    server.child.kill('SIGTERM')
    await server.event('stopping')
    expect(await server.stop('SIGINT')).toMatchObject({ code: 6, signal: null })
    expect(await server.event('stopped-by-force')).toMatchObject({
      cut: { [server.ready.grpc]: 1 },
    })
    call.close()
    await inStore(async () => {})
  })

  it('ends also where something does not come to an end', async () => {
    const server = await start([], HANGING)
    server.child.kill('SIGTERM')
    await server.event('stopping')
    expect(await server.stop('SIGTERM')).toMatchObject({ code: 6, signal: null })
    await server.event('stop-hangs')
  })

  it('tells those who watch the session list', async () => {
    const server = await start(['--grace', '1h'])
    const socket = new WebSocket(`${server.ready.http.replace('http', 'ws')}/session-list`)
    await new Promise((resolve) => socket.once('message', resolve))
    const closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve([code, String(reason)])),
    )
    const { code, signal, stdout } = await server.stop()
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(await closed).toEqual([1001, 'the server stops'])
    const events = linesOf(stdout).map(({ event }) => event)
    expect(events.slice(-2)).toEqual(['stopping', 'stopped'])
  })
})

it.each([
  ['throws', 'SIGUSR2'],
  ['rejects', 'SIGHUP'],
] as const)(
  'a server in which something unexpected %s ends with 1, its store whole',
  async (_, signal) => {
    const server = await start([], FAULTY)
    const client = createClient(server.ready.grpc)
    const { id } = await client.create(createRequest())
    client.close()
    expect(await server.stop(signal)).toMatchObject({ code: 1, signal: null })
    // Where it was, not its message: whoever threw it did not know what is secret.
    const { err } = await server.event('unexpected-error')
    expect(err).toMatchObject({ name: 'Error', stack: expect.stringContaining('faulty-server') })
    expect(JSON.stringify(err)).not.toContain('planted')
    expect(await inStore((store) => store.get(id))).toMatchObject({ active: true })
  },
)
