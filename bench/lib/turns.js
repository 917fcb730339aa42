import { medians } from './loads.js'

/**
 * Runs each of `loads` once a round, in turn, so that other load of the machine affects all alike. Returns the
 * `medians` of each, and all `rounds`.
 */
export async function inTurn(loads, rounds, report) {
  const results = Object.fromEntries(Object.keys(loads).map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const [name, load] of Object.entries(loads)) {
      const figures = await load()
      results[name].push(figures)
      report(`round ${round}, ${name}: ${figures.callsPerSecond.toFixed(0)}/s`)
    }
  }
  const entries = Object.entries(results).map(([name, all]) => [name, medians(all)])
  return { medians: Object.fromEntries(entries), rounds: results }
}

/** How many of the reference's calls a second were reached. */
export const ofReference = (load, reference) => load.callsPerSecond / reference.callsPerSecond
