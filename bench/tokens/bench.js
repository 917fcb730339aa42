import { fileURLToPath } from 'node:url'
import { runJob } from '../lib/processes.js'
import { formatTable } from '../lib/table.js'
import { inTurn } from '../lib/turns.js'
import { atLeast } from '../lib/verdicts.js'

const LOAD = fileURLToPath(new URL('load.js', import.meta.url))
/** Checks a second on one core. */
const TARGETS = { new: 5_000, seen: 200_000 }
const NAMES = {
  new: 'a token that was never seen',
  seen: 'a token seen before',
  proved: 'a token seen before, with a proof',
  'new P-256': 'a P-256 owner’s token that was never seen',
}

/** What it costs to check session tokens without a server, in a process that does nothing else. */
export async function benchTokens({ seconds, rounds }, report) {
  const loads = Object.fromEntries(
    Object.keys(NAMES).map((kind) => [kind, () => runJob(LOAD, { kind, seconds })]),
  )
  const { medians, rounds: all } = await inTurn(loads, rounds, report)
  return {
    table: formatTable(
      ['checkToken on one core', 'checks/s', 'CPU µs/check'],
      Object.entries(NAMES).map(([kind, name]) => [
        name,
        medians[kind].callsPerSecond.toFixed(0),
        medians[kind].cpuMicrosPerCheck.toFixed(1),
      ]),
    ),
    verdicts: Object.entries(TARGETS).map(([kind, target]) =>
      atLeast(
        `checks of ${NAMES[kind]}, a second of one core`,
        1e6 / medians[kind].cpuMicrosPerCheck,
        target,
      ),
    ),
    figures: { medians, rounds: all },
  }
}
