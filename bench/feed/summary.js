import { median } from '../lib/statistics.js'
import { formatTable } from '../lib/table.js'

const MAX_P99_MS = 250
/** How much of the bare server's messages a second the feed must deliver. */
const MIN_OF_BARE = 0.7
const MAX_ARRIVAL_MS = 1000
/**
 * From the first quarter of the time to the last. Buffers of LevelDB and garbage that no full
 * collection has met yet take some megabytes in a minute. It delivers three million messages: where
 * six bytes of each were kept, that would be more.
 */
const MAX_GROWTH_MB = 16

const MB = 1e6

export function summaryTable(figures) {
  const { steady, saturation } = figures
  const row = (name, load, ofBare = '') => [
    name,
    load.messagesPerSecond.toFixed(0),
    ofBare,
    load.serverMicrosPerMessage?.toFixed(1) ?? 'Linux only',
    percent(load.serverCpuShare),
    percent(load.generatorCpuShare),
  ]
  const loads = formatTable(
    ['', 'messages/s', 'of the bare', 'server µs/message', 'server CPU', 'generator CPU'],
    [
      row(`${steady.changes} changes at a steady pace`, steady),
      row('at saturation', saturation.feed, saturation.ofBare.toFixed(3)),
      row('  bare ws server', saturation.bare),
    ],
  )
  const { p50Ms, p99Ms, mostMs } = steady
  const { sessions, arrivalMs } = figures
  const { fromMb, toMb } = memory(figures) ?? {}
  const spreads = [
    `delivery at the steady pace: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, at most ${mostMs.toFixed(1)} ms`,
    `anonymous memory meanwhile: ${fromMb?.toFixed(1)} MB at first, ${toMb?.toFixed(1)} MB at last`,
    `${sessions} sessions reach a new viewer: median ${arrivalMs.median.toFixed(0)} ms, at most ${arrivalMs.most.toFixed(0)} ms`,
  ]
  return [loads, '', ...spreads].join('\n')
}

export function verdicts(figures) {
  const { steady, saturation, arrivalMs } = figures
  const atMost = (what, value, limit, unit) => ({
    held: value <= limit,
    text: `${what}: ${value.toFixed(1)} ${unit}, at most ${limit} wanted`,
  })
  const grown = memory(figures)
  return [
    atMost('p99 of delivery', steady.p99Ms, MAX_P99_MS, 'ms'),
    {
      held: saturation.ofBare >= MIN_OF_BARE,
      text: `saturation: ${saturation.ofBare.toFixed(3)} of the bare server, at least ${MIN_OF_BARE} wanted`,
    },
    atMost('a full list for a new viewer', arrivalMs.most, MAX_ARRIVAL_MS, 'ms'),
    ...(grown === null
      ? []
      : [atMost('growth of memory', grown.toMb - grown.fromMb, MAX_GROWTH_MB, 'MB')]),
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

function percent(share) {
  return share === null ? 'Linux only' : `${(share * 100).toFixed(0)} %`
}
