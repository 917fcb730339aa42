import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { medians } from '../lib/loads.js'
import { runJob, withServers } from '../lib/processes.js'
import { median, quantile } from '../lib/statistics.js'
import { summaryTable, verdicts } from './summary.js'

const VIEWERS = 1000
const CHANGES_PER_SECOND = 50
/** With the default `seconds`, a minute. */
const STEADY_TIMES = 20
const WARM_UP_SECONDS = 10
/**
 * Changes under way at saturation. The feed writes all changes of one commit to a viewer at once. With
 * a single change under way, the bench would mostly measure one system call for each message.
 */
const AT_ONCE = 16
const SESSIONS = 10_000
const ARRIVALS = 10

const file = (path) => fileURLToPath(new URL(path, import.meta.url))

/** A feed with a thousand viewers: at a steady rate, at saturation compared with a bare server, and with a full list. */
export async function benchFeed(options, report) {
  const figures = await withServers((directory, start) =>
    measureFeed(options, report, directory, start),
  )
  return { table: summaryTable(figures), verdicts: verdicts(figures), figures }
}

async function measureFeed({ seconds, rounds }, report, directory, start) {
  const serve = async (name) => {
    const dataDir = join(directory, name)
    await mkdir(dataDir)
    return start(file('../../dist/cli/main.js'), [
      ...['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'],
      ...['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', '0'],
    ])
  }

  const server = await serve('followed')
  report(`${CHANGES_PER_SECOND} changes a second for ${seconds * STEADY_TIMES} s`)
  const steady = await load(server, {
    kind: 'steady',
    ...{ viewers: VIEWERS, changesPerSecond: CHANGES_PER_SECOND },
    ...{ warmUpSeconds: WARM_UP_SECONDS, seconds: seconds * STEADY_TIMES },
  })
  const saturation = await measureSaturation({ seconds, rounds }, report, server, start)
  await server.stop()

  const full = await serve('full')
  report(`${SESSIONS} sessions reach new viewers`)
  const { arrivalMs } = await load(full, { kind: 'arrival', sessions: SESSIONS, times: ARRIVALS })
  return {
    ...{ steady, saturation, sessions: SESSIONS },
    arrivalMs: { median: median(arrivalMs), most: quantile(arrivalMs, 1) },
  }
}

async function measureSaturation({ seconds, rounds }, report, server, start) {
  const job = { viewers: VIEWERS, atOnce: AT_ONCE, seconds }
  const measured = []
  let bareServer
  for (let round = 1; round <= rounds; round++) {
    const feed = await load(server, { kind: 'saturated', ...job })
    bareServer ??= await start(file('bare-server.js'), [feed.messageBytes])
    const bare = await load(bareServer, { kind: 'bare', ...job })
    const ofBare = feed.messagesPerSecond / bare.messagesPerSecond
    measured.push({ round, ofBare, feed, bare })
    const rate = ({ messagesPerSecond }) => `${messagesPerSecond.toFixed(0)}/s`
    report(`round ${round}: feed ${rate(feed)}, bare ${rate(bare)}, ${ofBare.toFixed(3)}`)
  }
  return {
    ofBare: median(measured.map(({ ofBare }) => ofBare)),
    feed: medians(measured.map(({ feed }) => feed)),
    bare: medians(measured.map(({ bare }) => bare)),
    rounds: measured,
  }
}

function load({ pid, ports }, job) {
  return runJob(file('load.js'), { pid, ports, ...job })
}
