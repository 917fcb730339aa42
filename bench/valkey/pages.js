import { join } from 'node:path'
import { startEngine } from '../../test/support/valkey-processes.mjs'
import { ActClient } from '../lib/act-client.js'
import { withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { median, quantile } from '../lib/statistics.js'
import { formatTable } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'
import { fill } from './fill.js'

/** What part of the sessions the smaller store has. */
const SMALL_SHARE = 0.01
const PAGE = 100
const PAGES = 200
const WARM_UP_PAGES = 20
/** How much longer the first page of all may take in the larger store. */
const PAGE_OF_SMALL = 3

/** First pages of all through a server, which asks every shard, in a store of `count` sessions and in one of a hundredth. */
export async function benchValkeyPages({ count }, report) {
  const [small, large] = await withServers(async (directory, start) => {
    const stores = []
    try {
      for (const sessions of [count * SMALL_SHARE, count]) {
        stores.push(await openStore(sessions, join(directory, `${sessions}`), start, report))
      }
      await measure(stores, report)
      return stores.map(figuresOf)
    } finally {
      for (const { client, engine } of stores) {
        client.close()
        await engine.close()
      }
    }
  })
  return {
    table: formatTable(
      ['sessions', 'filled in s', 'first 100 of all ms', 'p99 ms', 'bytes each'],
      [small, large].map(({ sessions, filledSeconds, pageMs, p99Ms, bytesEach }) => [
        ...[`${sessions}`, filledSeconds.toFixed(0)],
        ...[pageMs.toFixed(1), p99Ms.toFixed(1), bytesEach.toFixed(0)],
      ]),
    ),
    verdicts: [
      atMost(
        `the first page of all with ${large.sessions} sessions on Valkey, of ${small.sessions}`,
        large.pageMs / small.pageMs,
        PAGE_OF_SMALL,
      ),
    ],
    figures: { small, large },
  }
}

/** An engine with so many sessions, and a server on it. */
async function openStore(sessions, dataDir, start, report) {
  const engine = await startEngine({ parent: join(dataDir, '..') })
  const more = ['--store', `valkey://${engine.address}`, '--store-replicas', '0']
  // The first start makes the store and the keys. Without them a server refuses a store that has sessions.
  await (await serve(start, dataDir, { more })).stop()
  const usedBefore = Number((await engine.info('memory')).used_memory)
  const startMs = performance.now()
  await fill(engine.port, sessions, report)
  const filledSeconds = (performance.now() - startMs) / 1000
  const used = Number((await engine.info('memory')).used_memory)
  report(`${sessions} sessions stored in ${filledSeconds.toFixed(1)} s`)
  const server = await serve(start, dataDir, { more })
  const client = new ActClient(server.ports.seneca)
  const bytesEach = (used - usedBefore) / sessions
  return { sessions, engine, client, filledSeconds, bytesEach, pagesMs: [] }
}

/** In turns, so that other load of the machine affects both alike. */
async function measure(stores, report) {
  report(`${PAGES} first pages of each`)
  const act = { cmd: 'get_sessions', paging: { take: PAGE } }
  for (const { client, sessions } of stores) {
    const { data } = await client.ask(act)
    if (data.length !== PAGE) {
      throw new Error(`a page of ${sessions} sessions has ${data.length}`)
    }
  }
  for (let i = 0; i < WARM_UP_PAGES + PAGES; i++) {
    for (const { client, pagesMs } of stores) {
      const ms = await client.timed(act)
      if (i >= WARM_UP_PAGES) {
        pagesMs.push(ms)
      }
    }
  }
}

function figuresOf({ sessions, filledSeconds, bytesEach, pagesMs }) {
  const [pageMs, p99Ms] = [median(pagesMs), quantile(pagesMs, 0.99)]
  return { sessions, filledSeconds, bytesEach, pageMs, p99Ms }
}
