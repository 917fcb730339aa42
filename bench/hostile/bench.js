import { runJob, withServers } from '../lib/processes.js'
import { MAIN } from '../lib/serve.js'
import { median } from '../lib/statistics.js'
import { formatTable, percent } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'
import { ATTACKS } from './attacks.js'

/** How much the slowest percent of good calls may slow down. */
const MAX_OF_QUIET = 3
/** A server that has just started is slow by itself, quiet or not. */
const WARM_UP_SECONDS = 2
/** The attackers have this long before the good caller begins, unless the attack takes longer to unfold. */
const AHEAD_SECONDS = 1

/**
 * A good caller's Create, quiet and under each attack. Attackers run in a process of their own, from
 * another address, at a bounded rate; on two cores their CPU is in part what is measured, so it is
 * shown.
 */
export async function benchHostile(options, report) {
  const runs = await withServers((dataDir, start) => measureAll(options, report, dataDir, start))
  const quiet = median(runs.filter(({ attack }) => attack === 'quiet').map(({ p99Ms }) => p99Ms))
  const rows = Object.entries(group(runs)).map(([attack, own]) => {
    const of = (name) => median(own.map((run) => run[name]))
    return { attack, p50Ms: of('p50Ms'), p99Ms: of('p99Ms'), cpuShare: of('cpuShare') }
  })
  return {
    table: formatTable(
      ['Create, 4 in flight', 'p50 ms', 'p99 ms', 'of quiet', 'attacker CPU'],
      rows.map(({ attack, p50Ms, p99Ms, cpuShare }) => [
        ...[attack, p50Ms.toFixed(1), p99Ms.toFixed(1), (p99Ms / quiet).toFixed(2)],
        percent(cpuShare),
      ]),
    ),
    verdicts: rows
      .filter(({ attack }) => attack !== 'quiet')
      .map(({ attack, p99Ms }) =>
        atMost(`p99 of Create beside ${attack}: of quiet`, p99Ms / quiet, MAX_OF_QUIET),
      ),
    figures: { runs },
  }
}

/** A third of the rounds of other benches, since there are so many attacks. */
async function measureAll({ seconds, rounds: thrice }, report, dataDir, start) {
  const args = ['--grpc', '127.0.0.1:0', '--seneca', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0']
  const rounds = Math.ceil(thrice / 3)
  const runs = []
  for (let round = 1; round <= rounds; round++) {
    for (const attack of ['quiet', ...Object.keys(ATTACKS)]) {
      // Of its own, so that none inherits a peer that is kept out, or connections.
      const server = await start(MAIN, [
        ...['serve', '--data-dir', `${dataDir}/${round}-${attack}`, ...args],
      ])
      const run = await measureOne(server.ports, attack, seconds)
      await server.stop()
      runs.push({ round, attack, ...run })
      report(`round ${round}, ${attack}: p99 ${run.p99Ms.toFixed(1)} ms`)
    }
  }
  return runs
}

async function measureOne(ports, attack, seconds) {
  const port = ports.grpc
  const { aheadSeconds = AHEAD_SECONDS } = ATTACKS[attack] ?? {}
  await runJob(`${import.meta.dirname}/caller.js`, { port, seconds: WARM_UP_SECONDS })
  const attacking =
    attack === 'quiet'
      ? { opened: {}, cpuShare: 0 }
      : runJob(`${import.meta.dirname}/attacker.js`, {
          ports,
          attacks: [attack],
          seconds: seconds + aheadSeconds + 1,
        })
  await new Promise((resolve) => setTimeout(resolve, 1000 * aheadSeconds))
  const good = await runJob(`${import.meta.dirname}/caller.js`, { port, seconds })
  return { ...good, ...(await attacking) }
}

function group(runs) {
  const groups = {}
  for (const run of runs) {
    groups[run.attack] = [...(groups[run.attack] ?? []), run]
  }
  return groups
}
