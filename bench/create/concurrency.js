import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { ofReference } from '../lib/turns.js'
import { createBesideEcho } from './beside-echo.js'
import { FRESH_KEYS } from './requests.js'

const IN_FLIGHT = [1, 2, 4, 8, 16, 32, 64, 128, 256]
/** There are many points, and their neighbours show which of them is off. */
const SHARE_OF_SECONDS = 1 / 3

/** Throughput and p99 of Create and of the echo, with more and more calls under way. */
export async function benchConcurrency({ seconds }, report) {
  const points = await withServers(async (dataDir, start) => {
    const { create, echo } = await createBesideEcho(start, dataDir, [FRESH_KEYS])
    const measured = []
    for (const inFlight of IN_FLIGHT) {
      const job = { inFlight, seconds: seconds * SHARE_OF_SECONDS }
      measured.push({
        inFlight,
        echo: await echo(FRESH_KEYS, job),
        create: await create(FRESH_KEYS, job),
      })
      report(`${inFlight} in flight: Create ${measured.at(-1).create.callsPerSecond.toFixed(0)}/s`)
    }
    return measured
  })
  const line = (name, load, figure) => ({
    name,
    points: points.map((point) => [point.inFlight, point[load][figure]]),
  })
  const plot = (file, title, figure) => ({
    ...{ file, title, x: 'calls under way' },
    lines: [line('Create', 'create', figure), line('echo of the same sizes', 'echo', figure)],
  })
  return {
    table: loadTable(
      points.flatMap(({ inFlight, create, echo }) => [
        {
          name: `Create, ${inFlight} in flight`,
          load: create,
          ofReference: ofReference(create, echo),
        },
        { name: '  echo of the same sizes', load: echo },
      ]),
    ),
    verdicts: [],
    plots: [
      plot('create-throughput', 'Calls a second', 'callsPerSecond'),
      plot('create-p99', 'p99, ms', 'p99Ms'),
    ],
    figures: { points },
  }
}
