import { loadTable } from '../lib/loads.js'
import { runJob, withServers } from '../lib/processes.js'
import { inTurn } from '../lib/turns.js'
import { atMost } from '../lib/verdicts.js'
import { createBesideEcho, loadCreate } from './beside-echo.js'
import { FRESH_KEYS } from './requests.js'

/** How much longer than the echo's the slowest percent of Creates may take, and should. */
const TARGET = 3
const AIM = 2

/**
 * The p99 of Create at half of its highest rate, beside that of the echo at the same rate. The prototype and bare synced
 * batches show how much of it is this machine's disk, which the echo does not use.
 */
export async function benchPace({ seconds, rounds }, report) {
  const { medians, rounds: all } = await withServers(async (dataDir, start) => {
    const { create, echo } = await createBesideEcho(start, dataDir, [FRESH_KEYS])
    const prototype = await start(`${import.meta.dirname}/prototype.js`, [`${dataDir}/prototype`])
    const { callsPerSecond } = await create(FRESH_KEYS, { seconds })
    const job = { seconds, perSecond: callsPerSecond / 2 }
    report(`half of the highest rate: ${job.perSecond.toFixed(0)}/s`)
    let batches = 0
    const batch = () => {
      const directory = `${dataDir}/batches-${++batches}`
      return runJob(`${import.meta.dirname}/synced-batch.js`, { directory, ...job })
    }
    const loads = {
      echo: () => echo(FRESH_KEYS, job),
      batch,
      prototype: () => loadCreate(prototype, FRESH_KEYS, job),
      Create: () => create(FRESH_KEYS, job),
    }
    return inTurn(loads, rounds, report)
  })
  const { Create: create, prototype, batch, echo } = medians
  return {
    table: loadTable([
      { name: 'Create at half of its highest rate', load: create },
      { name: '  prototype of the bare path at the same rate', load: prototype },
      { name: '  bare synced batches at the same rate', load: batch },
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
