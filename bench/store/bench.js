import { join } from 'node:path'
import { ActClient } from '../lib/act-client.js'
import { bytesOnDisk } from '../lib/disk.js'
import { watchAnonymousBytes } from '../lib/memory.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { median, quantile } from '../lib/statistics.js'
import { fillStore } from './fill.js'
import { measureLoads } from './loads.js'
import { makeUsers } from './sessions.js'
import { costPlot, summaryTable, verdicts } from './summary.js'

/** What part of the largest store each has. */
const SHARES = [0.01, 0.1, 1]
const PAGE = 100
const RESTARTS = 3
const PAGES = 300
const DEEP_PAGES = 5
const TOTALS = 5
/** How much of the store a deep page skips. */
const DEEP_SHARE = 0.1
const ALONE_MS = 2000
/** Creates of a new owner each, after which the memory of the server counts: far more than any of its caches holds. */
const CREATES = 200_000
/** All users have the same number of sessions. */
const USER_STEP = 7919

/**
 * Compares servers with more and more sessions, up to `count`: time to start, memory, the cost of reads, and the
 * calls of the other benches. Then makes many Creates on the largest.
 */
export async function benchStore(options, report) {
  const figures = await withServers((directory, start) =>
    measureStores(options, report, directory, start),
  )
  return {
    table: summaryTable(figures),
    verdicts: verdicts(figures),
    plots: [costPlot(figures)],
    figures,
  }
}

async function measureStores(options, report, directory, start) {
  const stores = []
  for (const share of SHARES) {
    const count = Math.round(options.count * share)
    stores.push(await openStore(count, join(directory, `${count}`), report, start))
  }
  const large = stores.at(-1)
  const mostAnonymousBytes = watchAnonymousBytes(large.server.pid)

  report(`${PAGES} first pages of each kind`)
  await measurePages(stores)
  const skip = large.count * DEEP_SHARE
  report(`pages behind ${skip} sessions`)
  const deepPageMs = await times(DEEP_PAGES, () =>
    large.client.timed({ cmd: 'get_sessions', paging: { skip, take: PAGE } }),
  )
  report('totals, and small calls beside them')
  const totals = await measureTotals(large)
  for (const { client } of stores) {
    client.close()
  }
  const readBytes = mostAnonymousBytes()
  const loads = await measureLoads(options, report, directory, start, stores)
  report(`${CREATES} Creates beside ${large.count} sessions`)
  const { pid, ports } = large.server
  const created = await runJob(`${import.meta.dirname}/create-many.js`, {
    pid,
    port: ports.grpc,
    count: CREATES,
  })
  return {
    stores: stores.map(({ count, buildSeconds, bytesEach, readyMs, firstPageMs, userPageMs }) => ({
      ...{ count, buildSeconds, bytesEach, readyMs },
      firstPageMs: spread(firstPageMs),
      userPageMs: spread(userPageMs),
    })),
    deepPageMs: spread(deepPageMs),
    ...totals,
    mostAnonymousBytes: readBytes,
    loads,
    created,
  }
}

/** Fills a store and leaves a server running on it. */
async function openStore(count, dataDir, report, start) {
  const buildSeconds = await fillStore(start, dataDir, count, report)
  let server = await serve(start, dataDir)
  const readyMs = [server.readyMs]
  while (readyMs.length < RESTARTS) {
    await server.stop()
    server = await serve(start, dataDir)
    readyMs.push(server.readyMs)
  }
  return {
    ...{ count, server, readyMs: Math.max(...readyMs), buildSeconds },
    bytesEach: (await bytesOnDisk(join(dataDir, 'store'))) / count,
    client: new ActClient(server.ports.seneca),
    userIds: makeUsers(count).map(({ id }) => id),
    firstPageMs: [],
    userPageMs: [],
  }
}

/** In turns, so that other load of the machine affects all stores alike. */
async function measurePages(stores) {
  for (let i = 0; i < PAGES; i++) {
    for (const { client, userIds, firstPageMs, userPageMs } of stores) {
      const filter = { user_id: userIds[(i * USER_STEP) % userIds.length] }
      firstPageMs.push(await client.timed({ cmd: 'get_sessions', paging: { take: PAGE } }))
      userPageMs.push(await client.timed({ cmd: 'get_sessions', filter, paging: { take: PAGE } }))
    }
  }
}

/** Time of a total; time of another client's calls meanwhile, and of the same calls alone. */
async function measureTotals({ count, server, client }) {
  const other = new ActClient(server.ports.seneca)
  const { data } = await client.ask({ cmd: 'get_sessions', paging: { take: 1 } })
  const small = () => other.timed({ cmd: 'get_session_by_id', session_id: data[0].id })
  const until = async (isOver) => {
    const latenciesMs = []
    while (!isOver()) {
      latenciesMs.push(await small())
    }
    return latenciesMs
  }

  const endMs = performance.now() + ALONE_MS
  const aloneMs = await until(() => performance.now() > endMs)
  const longestBesideMs = []
  const totalMs = await times(TOTALS, async () => {
    let isOver = false
    const counted = client.ask({ cmd: 'get_sessions', paging: { take: 1, total: true } })
    const startMs = performance.now()
    const ended = counted.then(({ total }) => {
      isOver = true
      if (total !== count) {
        throw new Error(`${count} sessions are stored, but the total is ${total}`)
      }
      return performance.now() - startMs
    })
    longestBesideMs.push(quantile(await until(() => isOver), 1))
    return ended
  })
  other.close()
  return {
    totalMs: spread(totalMs),
    smallCallAloneMs: spread(aloneMs),
    longestSmallCallBesideTotalMs: median(longestBesideMs),
  }
}

async function times(count, fn) {
  const results = []
  for (let i = 0; i < count; i++) {
    results.push(await fn())
  }
  return results
}

function spread(values) {
  return { median: median(values), p99: quantile(values, 0.99), most: quantile(values, 1) }
}
