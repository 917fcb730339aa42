import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AdminClient, connect } from '../../src/client/index.js'
import { type ActClient, ActError, connectActs } from '../support/acts.js'
import { all } from '../support/admin-service.js'
import { DocumentClient } from '../support/document-client.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'

const COUNTING = fileURLToPath(new URL('../support/counting-server.mjs', import.meta.url))
/** At length as strangers did it; else just large enough to see that nobody else waits for its end. */
const IS_LONG = process.env.SESSIOND_TEST_LONG !== undefined
const QUOTA = IS_LONG ? 1000 : 200
const OTHERS = IS_LONG ? 50_000 : 2000
const REFUSALS = IS_LONG ? 512 : 256
const LISTS = 64
const SCRAPES = IS_LONG ? 50_000 : 5000
const VIEWERS = IS_LONG ? 1000 : 100
const CREATES = IS_LONG ? 500 : 100
const AT_ONCE = 50
/** Of a quiet machine. */
const MAX_HEALTH_MS = 250

const FULL_USER = {
  user_id: 'full',
  address: 'a',
  data: { text: 'x'.repeat(IS_LONG ? 32_000 : 8000) },
}

let server: ServerProcess
let acts: ActClient

const atEnd = suiteEnd()
beforeAll(async () => {
  const dataDir = join(await temporaryDirectory(atEnd), 'data')
  const start = (idleTimeout: string) =>
    startServer({
      dataDir,
      entry: COUNTING,
      args: [
        ...['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', `${QUOTA}`],
        ...['--max-sessions', '1000000', '--idle-timeout', idleTimeout],
        ...['--feed-max-sessions', '100'],
      ],
    })
  server = await start('3h')
  acts = await connectActs(server.ready.seneca[0] as string)
  const openAll = async (count: number, argsOf: (i: number) => object) => {
    for (let i = 0; i < count; i += AT_ONCE) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, j) => acts.act('open_session', argsOf(i + j))),
      )
    }
  }
  await openAll(QUOTA, (i) => ({ ...FULL_USER, client: `${i}` }))
  await openAll(OTHERS, (i) => ({ user_id: `u${i % 97}`, address: 'a', client: `${i}` }))
  acts.close()
  await server.stop()
  // With other settings, so that what was open before could be over already.
  server = await start('2h')
  acts = await connectActs(server.ready.seneca[0] as string)
})

// Whatever comes, nothing is written to standard error.
afterAll(async () => {
  acts.close()
  expect(await server.stop('SIGKILL')).toMatchObject({ stderr: '' })
})

/** Asks for /healthz over and over in a thread of its own, until what it returns is called: how long each took. */
function pollHealth(url: string): () => Promise<number[]> {
  const worker = new Worker(
    `const { parentPort, workerData: url } = require('node:worker_threads')
    let isOver = false
    parentPort.once('message', () => { isOver = true })
    const poll = async () => {
      const took = []
      while (!isOver) {
        const startMs = performance.now()
        const response = await fetch(url + '/healthz')
        await response.text()
        took.push(response.ok ? performance.now() - startMs : Infinity)
        parentPort.postMessage(null)
      }
      parentPort.postMessage(took)
      parentPort.unref()
    }
    poll()`,
    { eval: true, workerData: url },
  )
  return async () => {
    const done = new Promise<number[]>((resolve) =>
      worker.on('message', (took: number[] | null) => took && resolve(took)),
    )
    worker.postMessage('stop')
    return done
  }
}

/** What the server did since this was asked last: see `counting-server.mjs`. */
async function counted(): Promise<{ rows: number; ports: number[] }> {
  server.child.kill('SIGUSR2')
  return (await server.event('counted')) as { rows: number; ports: number[] }
}

const portOf = (address: string) => Number(new URL(address).port)

const codeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => 'OK',
    (error: unknown) => (error instanceof ActError ? error.code : `${error}`),
  )

/** So many viewers of the session list. */
async function watching(count: number) {
  const url = `${server.ready.http.replace('http', 'ws')}/session-list`
  const viewers = Array.from({ length: count }, () => {
    const client = new DocumentClient()
    const socket = new WebSocket(url)
    socket.on('message', (data) => client.receive(String(data)))
    return { client, socket }
  })
  await Promise.all(viewers.map(({ socket }) => once(socket, 'open')))
  return viewers
}

/** What comes at once, and what its answers must be, each with how often. */
const FLOODS: Record<string, () => Promise<Record<string, number>>> = {
  'calls that the quota refuses': async () =>
    tallied(
      Array.from({ length: REFUSALS }, (_, i) =>
        codeOf(acts.act('open_session', { ...FULL_USER, client: `more ${i}` })),
      ),
    ),

  'lists that skip far': async () =>
    tallied(
      Array.from({ length: LISTS }, async (_, i) => {
        const paging = { skip: 1e9 + i, take: 100 }
        const page = (await acts.act('get_sessions', { paging })) as { data: unknown[] }
        return `${page.data.length} sessions`
      }),
    ),

  'lists that ask for the total': async () =>
    tallied(
      Array.from({ length: LISTS }, async (_, i) => {
        const filter = i % 2 ? { user_id: 'full' } : { to_time: '2999-01-01T00:00:00Z' }
        const paging = { take: 1, total: true }
        const page = (await acts.act('get_sessions', { filter, paging })) as { total: number }
        return `${page.total} in all`
      }),
    ),

  'scrapes sent ahead': async () => {
    const socket = connectSocket(portOf(server.ready.http), new URL(server.ready.http).hostname)
    await once(socket, 'connect')
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(SCRAPES))
    let answers = 0
    let rest = ''
    /** Each rendering tells how much processor time was used until then. */
    const seen = new Set<string>()
    for await (const chunk of socket) {
      const text = rest + chunk.toString('latin1')
      for (const [line] of text.matchAll(/process_cpu_user_seconds_total \S+\n/g)) {
        seen.add(line)
      }
      const parts = text.split('HTTP/1.1 200 OK')
      rest = (parts.at(-1) as string).slice(-20)
      answers += parts.length - 1
      if (answers >= SCRAPES && rest.endsWith('\n')) {
        break
      }
    }
    return { answers, fewRenderings: Number(seen.size < SCRAPES / 20) }
  },

  'checks of the store': async () => {
    const connection = connect(server.ready.grpc, { serverKeys: 'any' })
    const admin = new AdminClient(connection)
    const outcomes = await tallied(
      Array.from({ length: 20 }, () =>
        all(admin.check()).then(
          (events) => (events.some((event) => 'problem' in event) ? 'problem' : 'whole'),
          ({ code }) => `${code}`,
        ),
      ),
    )
    connection.close()
    return outcomes
  },

  'changes before many viewers': async () => {
    const viewers = await watching(VIEWERS)
    let lastId = ''
    for (let i = 0; i < CREATES; i++) {
      const args = { user_id: 'shown', address: 'a', client: `${i}` }
      ;({ id: lastId } = (await acts.act('open_session', args)) as { id: string })
    }
    const outcomes = await tallied(
      viewers.map(async ({ client, socket }) => {
        while (!client.sessions.has(lastId)) {
          await once(socket, 'message')
        }
        socket.terminate()
        return [...client.problems, `${client.sessions.size} listed`].join()
      }),
    )
    return outcomes
  },
}

const EXPECTED: Record<string, Record<string, number>> = {
  'calls that the quota refuses': { QUOTA_EXCEEDED: REFUSALS },
  'lists that skip far': { '0 sessions': LISTS },
  'lists that ask for the total': {
    [`${QUOTA} in all`]: LISTS / 2,
    [`${QUOTA + OTHERS} in all`]: LISTS / 2,
  },
  'scrapes sent ahead': { answers: SCRAPES, fewRenderings: 1 },
  'checks of the store': { whole: 4, BUSY: 16 },
  'changes before many viewers': { '100 listed': VIEWERS },
}

/**
 * Rows that the server may read of its store for all of it. Where each call did its own work they would be some
 * times as many: what a call refused by the quota would end, each list's whole walk, and a check for each that asks.
 */
const MAX_ROWS: Record<string, number> = {
  'calls that the quota refuses': (REFUSALS * QUOTA) / 4,
  'lists that skip far': (LISTS * (QUOTA + OTHERS)) / 4,
  'lists that ask for the total': ((LISTS / 2) * (QUOTA + QUOTA + OTHERS) * 3) / 4,
  'scrapes sent ahead': SCRAPES / 4,
  'checks of the store': 5 * 20 * (QUOTA + OTHERS),
  'changes before many viewers': 10 * CREATES,
}

/** How often /healthz is answered at least before all answers are there: only where that takes long by itself. */
const MIN_HEALTH_ANSWERS: Record<string, number> = { 'scrapes sent ahead': 20 }

async function tallied(outcomes: Promise<string>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.all(outcomes)) {
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

describe('a server that is flooded', () => {
  it.each(Object.keys(FLOODS))('with %s answers all, and /healthz meanwhile', async (name) => {
    const stop = pollHealth(server.ready.http)
    await counted()
    const outcomes = await FLOODS[name]?.()
    const { rows } = await counted()
    const took = await stop()
    expect(outcomes).toEqual(EXPECTED[name])
    expect(rows).toBeLessThan(MAX_ROWS[name] ?? expect.fail())
    expect(took.filter(Number.isFinite)).toEqual(took)
    expect(took.length).toBeGreaterThanOrEqual(MIN_HEALTH_ANSWERS[name] ?? 1)
    if (IS_LONG) {
      expect(Math.max(...took)).toBeLessThan(MAX_HEALTH_MS)
    }
  })

  it('with all of it at once answers all', async () => {
    const { 'lists that ask for the total': _, ...floods } = FLOODS
    const stop = pollHealth(server.ready.http)
    const names = Object.keys(floods)
    const outcomes = await Promise.all(names.map((name) => floods[name]?.()))
    const took = await stop()
    expect(outcomes).toEqual(names.map((name) => EXPECTED[name]))
    expect(took.filter(Number.isFinite)).toEqual(took)
    if (IS_LONG) {
      expect(Math.max(...took)).toBeLessThan(MAX_HEALTH_MS)
    }
  })
})

describe('a server that many watch', () => {
  it('answers who makes a change before it tells any of them', async () => {
    const viewers = await watching(VIEWERS)
    await Promise.all(
      viewers.map(async ({ client, socket }) => {
        while (client.sessions.size < 100) {
          await once(socket, 'message')
        }
      }),
    )
    await counted()
    const heard = viewers.map(async ({ socket }) => {
      await once(socket, 'message')
      socket.terminate()
    })
    await acts.act('open_session', { user_id: 'shown', address: 'a', client: 'before' })
    await Promise.all(heard)
    // As the server wrote: a busy machine may show both to this process at once, and then in any order.
    expect((await counted()).ports).toEqual([
      portOf(server.ready.seneca[0] as string),
      portOf(server.ready.http),
    ])
  })
})
