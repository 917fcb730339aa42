import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { inTurn } from '../lib/turns.js'
import { atMost } from '../lib/verdicts.js'
import { createBesideEcho } from './beside-echo.js'
import { FRESH_KEYS } from './requests.js'

/** How much longer than the echo's the slowest percent of Creates may take, and should. */
const TARGET = 3
const AIM = 2

/** The p99 of Create at half of its highest rate, beside that of the echo at the same rate. */
export async function benchPace({ seconds, rounds }, report) {
  const { medians, rounds: all } = await withServers(async (dataDir, start) => {
    const { create, echo } = await createBesideEcho(start, dataDir, [FRESH_KEYS])
    const { callsPerSecond } = await create(FRESH_KEYS, { seconds })
    const job = { seconds, perSecond: callsPerSecond / 2 }
    report(`half of the highest rate: ${job.perSecond.toFixed(0)}/s`)
    const loads = { echo: () => echo(FRESH_KEYS, job), Create: () => create(FRESH_KEYS, job) }
    return inTurn(loads, rounds, report)
  })
  const { Create: create, echo } = medians
  return {
    table: loadTable([
      { name: 'Create at half of its highest rate', load: create },
      { name: '  echo at the same rate', load: echo },
    ]),
    verdicts: [
      atMost(
        'p99 of Create at half of its highest rate: of the echo',
        create.p99Ms / echo.p99Ms,
        TARGET,
        { aim: AIM },
      ),
    ],
    figures: { medians, rounds: all },
  }
}
