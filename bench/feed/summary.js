import { median } from '../lib/statistics.js'
import { formatTable, LINUX_ONLY, percent } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'

const MAX_P99_MS = 250
const MAX_ARRIVAL_MS = 1000
/**
 * From the first quarter of the time to the last. Buffers of LevelDB and garbage that no full
 * collection has met yet take some megabytes in a minute. It delivers three million messages: where
 * six bytes of each were kept, that would be more.
 */
const MAX_GROWTH_MB = 16

const MB = 1e6

/** `ofBare`: how many times the messages a second of a bare server. */
export function messagesTable(rows) {
  return formatTable(
    ['', 'messages/s', 'of the bare', 'server µs/message', 'server CPU', 'generator CPU'],
    rows.map(({ name, load, ofBare }) => [
      name,
      load.messagesPerSecond.toFixed(0),
      ofBare?.toFixed(3) ?? '',
      load.serverMicrosPerMessage?.toFixed(1) ?? LINUX_ONLY,
      percent(load.serverCpuShare),
      percent(load.generatorCpuShare),
    ]),
  )
}

export function summaryTable(figures) {
  const { steady, sessions, arrivalMs } = figures
  const { p50Ms, p99Ms, mostMs } = steady
  const { fromMb, toMb } = memory(figures) ?? {}
  return [
    messagesTable([{ name: `${steady.changes} changes at a steady pace`, load: steady }]),
    '',
    `delivery at the steady pace: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, at most ${mostMs.toFixed(1)} ms`,
    `anonymous memory meanwhile: ${fromMb?.toFixed(1)} MB at first, ${toMb?.toFixed(1)} MB at last`,
    `${sessions} sessions reach a new viewer: median ${arrivalMs.median.toFixed(0)} ms, at most ${arrivalMs.most.toFixed(0)} ms`,
  ].join('\n')
}

export function verdicts(figures) {
  const { steady, arrivalMs } = figures
  const grown = memory(figures)
  return [
    atMost('p99 of delivery', steady.p99Ms, MAX_P99_MS, { unit: ' ms' }),
    atMost('a full list for a new viewer', arrivalMs.most, MAX_ARRIVAL_MS, { unit: ' ms' }),
    ...(grown === null
      ? []
      : [atMost('growth of memory', grown.toMb - grown.fromMb, MAX_GROWTH_MB, { unit: ' MB' })]),
  ]
}

/** Medians of the first and the last quarter; null where there is no /proc. */
function memory({ steady: { anonymousBytes } }) {
  if (anonymousBytes.includes(null)) {
    return null
  }
  const quarter = Math.ceil(anonymousBytes.length / 4)
  return {
    fromMb: median(anonymousBytes.slice(0, quarter)) / MB,
    toMb: median(anonymousBytes.slice(-quarter)) / MB,
  }
}
