import { medians } from '../lib/loads.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { atLeast } from '../lib/verdicts.js'
import { messagesTable } from './summary.js'

const VIEWERS = 1000
/**
 * Changes under way. The feed writes all changes of one commit to a viewer at once. With a single change under way,
 * the bench would mostly measure one system call for each message.
 */
const AT_ONCE = 16
/** How many times the bare server's messages a second the feed must deliver. */
const TARGET = 2.7

/** A feed with a thousand viewers that changes as fast as they read, beside a bare ws server. */
export async function benchSaturation({ seconds, rounds }, report) {
  const measured = await withServers(async (dataDir, start) => {
    const server = await serve(start, dataDir, { http: true })
    const job = { viewers: VIEWERS, atOnce: AT_ONCE, seconds }
    const all = []
    let bareServer
    for (let round = 1; round <= rounds; round++) {
      const feed = await load(server, { kind: 'saturated', ...job })
      bareServer ??= await start(`${import.meta.dirname}/bare-server.js`, [feed.messageBytes])
      const bare = await load(bareServer, { kind: 'bare', ...job })
      all.push({ feed, bare })
      const rate = ({ messagesPerSecond }) => `${messagesPerSecond.toFixed(0)}/s`
      report(`round ${round}: feed ${rate(feed)}, bare ${rate(bare)}`)
    }
    return all
  })
  const feed = medians(measured.map((round) => round.feed))
  const bare = medians(measured.map((round) => round.bare))
  const ofBare = feed.messagesPerSecond / bare.messagesPerSecond
  return {
    table: messagesTable([
      { name: 'feed at saturation', load: feed, ofBare },
      { name: '  bare ws server', load: bare },
    ]),
    verdicts: [atLeast('the feed at saturation: of a bare server', ofBare, TARGET)],
    figures: { feed, bare, rounds: measured },
  }
}

function load({ pid, ports }, job) {
  return runJob(`${import.meta.dirname}/load.js`, { pid, ports, ...job })
}
