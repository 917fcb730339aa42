import { useMemo, useState } from 'preact/hooks'
import { Badge } from './connection/badge.js'
import { Chart } from './summary/chart.js'
import { ListState } from './live/list-state.js'
import { type SortOrder, select, totalsOf } from './live/model.js'
import { Notices } from './connection/notices.js'
import { SessionList } from './live/session-list.js'
import { Toolbar } from './live/toolbar.js'
import { Totals } from './summary/totals.js'
import { useFeed } from './connection/use-feed.js'
import { useNow } from './parts/use-now.js'
import { useOperating } from './operator/use-operating.js'

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
