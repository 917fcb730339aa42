import { formatTable } from '../lib/table.js'

const MAX_READY_MS = 2000
/** Largest allowed time of a first page with a million sessions, as a multiple of the time with ten thousand. */
const MAX_GROWTH = 2
const MAX_ANONYMOUS_MB = 300
/** Longest allowed wait of a small call while sessions are counted. */
const MAX_SMALL_CALL_MS = 100

const MB = 1e6

export function summaryTable(figures) {
  const { stores, deepPageMs, totalMs, smallCallAloneMs, longestSmallCallBesideTotalMs } = figures
  const [small, large] = stores
  const both = (of) => [of(small), of(large)]
  const ms = ({ median, p99 }) => `${median.toFixed(2)} (${p99.toFixed(2)})`
  const most = ({ median, most }) => `${median.toFixed(2)} (${most.toFixed(2)})`
  return formatTable(
    ['', ...both(({ count }) => `${count} sessions`)],
    [
      ['storing them, s', ...both(({ buildSeconds }) => buildSeconds.toFixed(1))],
      ['ready after, at most, ms', ...both(({ readyMs }) => readyMs.toFixed(0))],
      ['first page of 100, median (p99) ms', ...both(({ firstPageMs }) => ms(firstPageMs))],
      ['  of one user', ...both(({ userPageMs }) => ms(userPageMs))],
      ['page behind 100000 others, median (most) ms', '', most(deepPageMs)],
      ['total, median (most) ms', '', most(totalMs)],
      ['get_session_by_id, median (most) ms', '', most(smallCallAloneMs)],
      ['  the longest while a total is counted', '', longestSmallCallBesideTotalMs.toFixed(2)],
      ['anonymous memory, at most, MB', '', inMb(figures)?.toFixed(0) ?? 'Linux only'],
    ],
  )
}

export function verdicts(figures) {
  const { stores, longestSmallCallBesideTotalMs } = figures
  const [small, large] = stores
  const growth = (name) => large[name].median / small[name].median
  const atMost = (what, value, limit, unit, digits = 0) => ({
    held: value <= limit,
    text: `${what}: ${value.toFixed(digits)} ${unit}, at most ${limit} wanted`,
  })
  const longer = 'times that of ten thousand'
  const anonymousMb = inMb(figures)
  return [
    atMost('ready on a million sessions', large.readyMs, MAX_READY_MS, 'ms'),
    atMost('first page of a million', growth('firstPageMs'), MAX_GROWTH, longer, 2),
    atMost('first page of one user', growth('userPageMs'), MAX_GROWTH, longer, 2),
    atMost('small call beside a total', longestSmallCallBesideTotalMs, MAX_SMALL_CALL_MS, 'ms', 1),
    ...(anonymousMb === null ? [] : [atMost('memory', anonymousMb, MAX_ANONYMOUS_MB, 'MB')]),
  ]
}

/** null without /proc. */
function inMb({ mostAnonymousBytes }) {
  return mostAnonymousBytes === null ? null : mostAnonymousBytes / MB
}
