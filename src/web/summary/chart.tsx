import { useMemo } from 'preact/hooks'
import type { ServerHistory } from '../connection/server-facts.js'
import { number } from '../parts/count-text.js'
import { chartOf, type Line } from './history.js'

interface ChartProps {
  readonly history: ServerHistory
  /** Open sessions now. */
  readonly open: number
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

/** The number of open sessions over the server's last hour. */
export function Chart({ history, open }: ChartProps) {
  const { line, highest, spanMs } = useMemo(() => chartOf(history, open), [history, open])
  const minutes = Math.round(spanMs / 60_000)
  const over = minutes >= 59 ? 'the last hour' : `the last ${minutes} minutes`
  const { opened = 0, ended = 0 } = history.minutes.at(-1) ?? {}
  const label = `Open sessions over ${over}: at most ${number(highest)}, now ${number(open)}`
  const end = line.at(-1)
  return (
    <figure class="chart">
      <figcaption>
        <span>Open sessions, {over}</span>
        <span class="chart-minute">
          +{number(opened)} −{number(ended)} this minute
        </span>
        <span>max {number(highest)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
        <title>{label}</title>
        {line.length > 1 && (
          <>
            <path class="chart-area" d={areaOf(line)} />
            <path class="chart-line" d={strokeOf(line)} />
          </>
        )}
        {end && <path class="chart-end" d={`M${xOf(end[0])} ${yOf(end[1])}h0`} />}
      </svg>
    </figure>
  )
}
