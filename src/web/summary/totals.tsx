import type { Totals as TotalsOfSessions } from '../live/model.js'

const number = new Intl.NumberFormat('en')

/** How many sessions and users there are. */
export function Totals({ totals }: { readonly totals: TotalsOfSessions }) {
  const shown = [
    ['Open sessions', totals.sessions],
    ['Users active', totals.activeUsers],
    ['Users joined', totals.joinedUsers],
  ] as const
  return (
    <dl class="totals">
      {shown.map(([label, count]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{number.format(count)}</dd>
        </div>
      ))}
    </dl>
  )
}
