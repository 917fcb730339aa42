import { COMMANDS } from '../commands/load-command.js'
import { loadTable } from '../lib/loads.js'
import { formatTable, LINUX_ONLY } from '../lib/table.js'
import { ofReference } from '../lib/turns.js'
import { atLeast, atMost } from '../lib/verdicts.js'
import { loadName } from './loads.js'

const MAX_READY_MS = 2000
/** Largest allowed time of a first page of the largest store, as a multiple of the time of the smallest. */
const MAX_GROWTH = 2
const MAX_ANONYMOUS_MB = 300
/** After many Creates: what it may be, and should. */
const MAX_CREATED_MB = 400
const AIM_CREATED_MB = 300
/** Longest allowed wait of a small call while sessions are counted. */
const MAX_SMALL_CALL_MS = 100
/** The share of an empty store's Creates a second that the largest must reach, and should. */
const TARGET = 0.8
const AIM = 0.9

export function summaryTable(figures) {
  const { stores, deepPageMs, totalMs, smallCallAloneMs, longestSmallCallBesideTotalMs } = figures
  const each = (of) => stores.map(of)
  const ms = ({ median, p99 }) => `${median.toFixed(2)} (${p99.toFixed(2)})`
  const most = ({ median, most }) => `${median.toFixed(2)} (${most.toFixed(2)})`
  const ofLargest = (text) => stores.map((store) => (store === stores.at(-1) ? text : ''))
  const reads = formatTable(
    ['', ...each(({ count }) => `${count} sessions`)],
    [
      ['storing them, s', ...each(({ buildSeconds }) => buildSeconds.toFixed(1))],
      ['on disk, bytes a session', ...each(({ bytesEach }) => bytesEach.toFixed(0))],
      ['ready after, at most, ms', ...each(({ readyMs }) => readyMs.toFixed(0))],
      ['first page of 100, median (p99) ms', ...each(({ firstPageMs }) => ms(firstPageMs))],
      ['  of one user', ...each(({ userPageMs }) => ms(userPageMs))],
      ['page behind a tenth of them, median (most) ms', ...ofLargest(most(deepPageMs))],
      ['total, median (most) ms', ...ofLargest(most(totalMs))],
      ['get_session_by_id, median (most) ms', ...ofLargest(most(smallCallAloneMs))],
      [
        '  the longest while a total is counted',
        ...ofLargest(longestSmallCallBesideTotalMs.toFixed(2)),
      ],
      ['anonymous memory, at most, MB', ...ofLargest(inMb(figures)?.toFixed(0) ?? LINUX_ONLY)],
    ],
  )
  return `${reads}\n\n${loadsTable(figures)}\n\n${createdText(figures)}`
}

function createdText({ stores, created: { count, seconds, anonymousBytes } }) {
  const each = anonymousBytes.map((bytes) => (bytes === null ? LINUX_ONLY : mb(bytes).toFixed(0)))
  return [
    `${count} Creates of a new owner each beside ${stores.at(-1).count} sessions took ${seconds.toFixed(0)} s`,
    `anonymous memory after each tenth of them, MB: ${each.join(', ')}`,
  ].join('\n')
}

/** Each load beside the one with the fewest sessions stored. */
function loadsTable({ stores, loads: { medians } }) {
  const counts = stores.map(({ count }) => count)
  const ends = [counts[0], counts.at(-1)]
  const rows = (what, stored) => {
    const [fewest, ...others] = stored
    const reference = medians[loadName(what, fewest)]
    return [
      { name: loadName(what, fewest), load: reference },
      ...others.map((count) => {
        const load = medians[loadName(what, count)]
        return { name: loadName(what, count), load, ofReference: ofReference(load, reference) }
      }),
    ]
  }
  return loadTable([
    ...rows('Create', [0, ...counts]),
    ...COMMANDS.flatMap((command) => rows(command, ends)),
  ])
}

export function verdicts(figures) {
  const { stores, longestSmallCallBesideTotalMs, loads, created } = figures
  const [small, large] = [stores[0], stores.at(-1)]
  const growth = (name) => large[name].median / small[name].median
  const longer = ` times that of ${small.count}`
  const anonymousMb = inMb(figures)
  const ofEmpty = ofReference(
    ...[large.count, 0].map((count) => loads.medians[loadName('Create', count)]),
  )
  return [
    atLeast(`Create with ${large.count} sessions stored: of an empty store`, ofEmpty, TARGET, {
      aim: AIM,
    }),
    atMost(`ready on ${large.count} sessions`, large.readyMs, MAX_READY_MS, { unit: ' ms' }),
    atMost(`first page of ${large.count}`, growth('firstPageMs'), MAX_GROWTH, { unit: longer }),
    atMost('first page of one user', growth('userPageMs'), MAX_GROWTH, { unit: longer }),
    atMost('small call beside a total', longestSmallCallBesideTotalMs, MAX_SMALL_CALL_MS, {
      unit: ' ms',
    }),
    ...(anonymousMb === null
      ? []
      : [
          atMost('anonymous memory while reading', anonymousMb, MAX_ANONYMOUS_MB, { unit: ' MB' }),
          atMost(
            `anonymous memory after ${created.count} Creates beside ${large.count} sessions`,
            // What the loads before them left is gone by then.
            mb(created.anonymousBytes.at(-1)),
            MAX_CREATED_MB,
            { aim: AIM_CREATED_MB, unit: ' MB' },
          ),
        ]),
  ]
}

export function costPlot({ stores, loads: { medians } }) {
  const pages = (name, figure) => ({
    ...{ name, points: stores.map((store) => [store.count, store[figure].median]) },
  })
  const createMs = ({ count }) => {
    const micros = medians[loadName('Create', count)].serverCpuMicrosPerCall
    return [count, (micros ?? 0) / 1000]
  }
  return {
    ...{ file: 'store-size', title: 'Cost, ms', x: 'sessions stored' },
    lines: [
      pages('first page of 100, time', 'firstPageMs'),
      pages('first page of one user, time', 'userPageMs'),
      { name: 'Create, CPU of the server', points: stores.map(createMs) },
    ],
  }
}

/** null without /proc. */
function inMb({ mostAnonymousBytes }) {
  return mostAnonymousBytes === null ? null : mb(mostAnonymousBytes)
}

const mb = (bytes) => bytes / 1e6
