import type { ServerHistory } from '../connection/server-facts.js'

/** Points of the chart: x and y in 0..1, y upwards. */
export type Line = readonly (readonly [x: number, y: number])[]

export interface Chart {
  readonly line: Line
  readonly highest: number
  readonly spanMs: number
}

const MINUTE_MS = 60_000
const LONGEST_MS = 60 * MINUTE_MS
/** With a shorter span the first moments would look like a long time. */
const SHORTEST_MS = 5 * MINUTE_MS

/** Scales the server's minutes into a unit square whose right edge is now, with so many open sessions. */
export function chartOf({ minutes, nowAtMs }: ServerHistory, open: number): Chart {
  const first = minutes[0]?.fromAtMs ?? nowAtMs
  const spanMs = Math.min(Math.max(nowAtMs - first, SHORTEST_MS), LONGEST_MS)
  const points: [atMs: number, open: number][] = minutes.map((minute, i) => {
    // The last minute is still running: its end is now.
    const isLast = i === minutes.length - 1
    return isLast ? [nowAtMs, open] : [minute.fromAtMs + MINUTE_MS, minute.open]
  })
  const [begin] = minutes
  if (begin !== undefined) {
    points.unshift([begin.fromAtMs, begin.open - begin.opened + begin.ended])
  }
  const highest = Math.max(0, ...points.map(([, count]) => count))
  const scaled = points.map(([atMs, count]): [number, number] => [
    Math.min(Math.max(1 - (nowAtMs - atMs) / spanMs, 0), 1),
    highest === 0 ? 0 : count / highest,
  ])
  return { line: scaled, highest, spanMs }
}
