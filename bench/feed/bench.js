import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { median, quantile } from '../lib/statistics.js'
import { summaryTable, verdicts } from './summary.js'

const VIEWERS = 1000
const CHANGES_PER_SECOND = 50
/** With the default `seconds`, a minute. */
const STEADY_TIMES = 20
const WARM_UP_SECONDS = 10
const SESSIONS = 10_000
const ARRIVALS = 10

const LOAD = `${import.meta.dirname}/load.js`

/** A feed with a thousand viewers at a steady rate, and with a full list. */
export async function benchFeed({ seconds }, report) {
  const figures = await withServers(async (directory, start) => {
    const load = ({ pid, ports }, job) => runJob(LOAD, { pid, ports, ...job })
    const server = await serve(start, `${directory}/followed`, { http: true })
    report(`${CHANGES_PER_SECOND} changes a second for ${seconds * STEADY_TIMES} s`)
    const steady = await load(server, {
      kind: 'steady',
      ...{ viewers: VIEWERS, changesPerSecond: CHANGES_PER_SECOND },
      ...{ warmUpSeconds: WARM_UP_SECONDS, seconds: seconds * STEADY_TIMES },
    })
    await server.stop()

    const full = await serve(start, `${directory}/full`, { http: true })
    report(`${SESSIONS} sessions reach new viewers`)
    const { arrivalMs } = await load(full, { kind: 'arrival', sessions: SESSIONS, times: ARRIVALS })
    return {
      ...{ steady, sessions: SESSIONS },
      arrivalMs: { median: median(arrivalMs), most: quantile(arrivalMs, 1) },
    }
  })
  return { table: summaryTable(figures), verdicts: verdicts(figures), figures }
}
