import { useMemo } from 'preact/hooks'
import { chartOf, type Line, type Sample } from './history.js'

interface ChartProps {
  readonly samples: readonly Sample[]
  readonly nowMs: number
}

const WIDTH = 400
const HEIGHT = 72
/** Room for half of the dot at the end of the line. */
const MARGIN = 4

const xOf = (x: number) => (x * WIDTH).toFixed(1)
const yOf = (y: number) => (HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN)).toFixed(1)

const strokeOf = (line: Line) => `M${line.map(([x, y]) => `${xOf(x)} ${yOf(y)}`).join('L')}`

function areaOf(line: Line): string {
  const [left, right] = [line[0]?.[0] ?? 0, line.at(-1)?.[0] ?? 0]
  return `${strokeOf(line)}L${xOf(right)} ${HEIGHT}L${xOf(left)} ${HEIGHT}Z`
}

/** The number of open sessions over the last minutes. */
export function Chart({ samples, nowMs }: ChartProps) {
  const { lines, highest, spanMs } = useMemo(() => {
    // The right edge is the last sample, so that the line reaches it.
    return chartOf(samples, samples.at(-1)?.timeMs ?? nowMs)
  }, [samples])
  const minutes = Math.max(Math.round(spanMs / 60_000), 1)
  const over = minutes === 1 ? 'the last minute' : `the last ${minutes} minutes`
  const end = lines.at(-1)?.at(-1)
  const now = samples.at(-1)?.open
  const label = `Open sessions over ${over}: at most ${highest}${now == null ? '' : `, now ${now}`}`
  return (
    <figure class="chart">
      <figcaption>
        <span>Open sessions, {over}</span>
        <span>max {highest}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
        <title>{label}</title>
        {lines.map((line) => (
          <g key={line[0]?.[0]}>
            <path class="chart-area" d={areaOf(line)} />
            <path class="chart-line" d={strokeOf(line)} />
          </g>
        ))}
        {end && <path class="chart-end" d={`M${xOf(end[0])} ${yOf(end[1])}h0`} />}
      </svg>
    </figure>
  )
}
