/** How many sessions were open at an instant; `null`: the page was not connected. */
export interface Sample {
  readonly timeMs: number
  readonly open: number | null
}

export const HISTORY_MS = 10 * 60_000

/** Adds a sample and removes those that are too old. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const since = sample.timeMs - HISTORY_MS
  return [...samples.filter(({ timeMs }) => timeMs >= since), sample]
}

/** A line of the chart: points of x and y in 0..1, y upwards. */
export type Line = readonly (readonly [x: number, y: number])[]

export interface Chart {
  /** One line for each stretch without a gap. */
  readonly lines: readonly Line[]
  readonly highest: number
  readonly spanMs: number
}

/** With a shorter span the first moments would look like a long time. */
const SHORTEST_MS = 60_000

/** Scales the samples into a unit square whose right edge is now. */
export function chartOf(samples: readonly Sample[], nowMs: number): Chart {
  const first = samples[0]?.timeMs ?? nowMs
  const spanMs = Math.min(Math.max(nowMs - first, SHORTEST_MS), HISTORY_MS)
  const highest = Math.max(0, ...samples.map(({ open }) => open ?? 0))
  const lines: [number, number][][] = []
  let line: [number, number][] | undefined
  for (const { timeMs, open } of samples) {
    if (open === null) {
      line = undefined
      continue
    }
    if (line === undefined) {
      line = []
      lines.push(line)
    }
    const x = Math.min(Math.max(1 - (nowMs - timeMs) / spanMs, 0), 1)
    line.push([x, highest === 0 ? 0 : open / highest])
  }
  return { lines, highest, spanMs }
}
