import { useMemo, useState } from 'preact/hooks'
import { Badge } from './badge.js'
import { Chart } from './chart.js'
import { ListState } from './list-state.js'
import { type SortOrder, select, totalsOf } from './model.js'
import { Notices } from './notices.js'
import { SessionList } from './session-list.js'
import { Toolbar } from './toolbar.js'
import { Totals } from './totals.js'
import { useFeed } from './use-feed.js'
import { useNow } from './use-now.js'
import { useOperating } from './use-operating.js'

interface AppProps {
  readonly url: string
  readonly version: string
  readonly token: string | null
}

export function App({ url, version, token }: AppProps) {
  const feed = useFeed(url, version, token)
  const nowMs = useNow()
  const [query, setQuery] = useState('')
  const [order, setOrder] = useState<SortOrder>('newest')
  const totals = useMemo(() => totalsOf(feed.sessions.values()), [feed])
  const rows = useMemo(() => select(feed.sessions.values(), query, order), [feed, query, order])
  const { connection, samples } = feed
  const { toggle, overlay, askToClose } = useOperating()

  return (
    <main class="page">
      <header class="top">
        <div>
          <h1>Sessions</h1>
          <p class="muted">Who is on now</p>
        </div>
        <div class="top-end">
          {toggle}
          <Badge connection={connection} nowMs={nowMs} />
        </div>
      </header>
      {overlay}
      <Notices connection={connection} version={version} />
      {connection.everOpen && (
        <section class="summary" aria-label="Totals">
          <Totals totals={totals} />
          <Chart samples={samples} nowMs={nowMs} />
        </section>
      )}
      {totals.sessions > 0 && (
        <Toolbar
          query={query}
          onQuery={setQuery}
          order={order}
          onOrder={setOrder}
          shown={rows.length}
          known={totals.sessions}
        />
      )}
      {rows.length > 0 ? (
        <SessionList rows={rows} view={`${order} ${query}`} nowMs={nowMs} askToClose={askToClose} />
      ) : (
        <ListState
          connection={connection}
          known={totals.sessions}
          query={query}
          onClear={() => {
            setQuery('')
            // Hiding the button would lose the focus.
            document.querySelector<HTMLElement>('[type="search"]')?.focus()
          }}
        />
      )}
    </main>
  )
}
