import type { Totals as TotalsOfSessions } from '../live/model.js'
import { number } from '../parts/count-text.js'

interface TotalsProps {
  /** Of the listed sessions. */
  readonly totals: TotalsOfSessions
  /** Open sessions, listed or not. */
  readonly open: number
}

/** How many sessions and users there are. */
export function Totals({ totals, open }: TotalsProps) {
  const of = totals.sessions < open ? ' (listed)' : ''
  const shown = [
    ['Open sessions', open],
    [`Users active${of}`, totals.activeUsers],
    [`Users joined${of}`, totals.joinedUsers],
  ] as const
  return (
    <dl class="totals">
      {shown.map(([label, count]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{number(count)}</dd>
        </div>
      ))}
    </dl>
  )
}
