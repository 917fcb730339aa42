import { median } from './statistics.js'
import { formatTable, LINUX_ONLY, percent } from './table.js'

const HEADINGS = [
  ...['', 'calls/s', 'of reference', 'p50 ms', 'p99 ms'],
  ...['server µs/call', 'server CPU', 'generator CPU'],
]

/** A table of the results of `measure`: name, figures, and share of the reference's calls. */
export function loadTable(rows) {
  return formatTable(
    HEADINGS,
    rows.map(({ name, load, ofReference }) => [
      name,
      load.callsPerSecond.toFixed(0),
      ofReference?.toFixed(3) ?? '',
      load.p50Ms.toFixed(1),
      load.p99Ms.toFixed(1),
      load.serverCpuMicrosPerCall?.toFixed(0) ?? LINUX_ONLY,
      percent(load.serverCpuShare),
      percent(load.generatorCpuShare),
    ]),
  )
}

/** The median of each figure. */
export function medians(loads) {
  const figures = Object.keys(loads[0])
  return Object.fromEntries(
    figures.map((figure) => {
      const values = loads.map((load) => load[figure])
      return [figure, values.includes(null) ? null : median(values)]
    }),
  )
}
