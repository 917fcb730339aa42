import { useMemo } from 'preact/hooks'
import { useAddress } from './address/use-address.js'
import { Badge } from './connection/badge.js'
import { NoList } from './connection/no-list.js'
import { Notices } from './connection/notices.js'
import { useAccess } from './connection/use-access.js'
import { useFeed } from './connection/use-feed.js'
import { useFeedToken } from './connection/use-feed-token.js'
import { AllSessions } from './console/all-sessions.js'
import { LiveList } from './live/live-list.js'
import { totalsOf } from './live/model.js'
import { useOperating } from './operator/use-operating.js'
import { useKeptFocus } from './parts/use-kept-focus.js'
import { useNow } from './parts/use-now.js'
import { Chart } from './summary/chart.js'
import { Totals } from './summary/totals.js'
import { useHistory } from './summary/use-history.js'
import { Views } from './views.js'

interface AppProps {
  /** Of the session list. */
  readonly url: string
  readonly version: string
}

export function App({ url, version }: AppProps) {
  const [token, setToken] = useFeedToken()
  const [state, navigate] = useAddress()
  const nowMs = useNow()
  const feed = useFeed(url, version, token)
  const { connection, sessions } = feed
  const isOpen = connection.phase === 'open'
  const access = useAccess(isOpen)
  const history = useHistory(isOpen, token)
  const operating = useOperating(access)
  const totals = useMemo(() => totalsOf(sessions.values()), [feed])
  // The list itself is newer than the last answer, as long as it has all.
  const isPart = history !== null && history.openSessions > history.maxListed
  const open = isPart ? Math.max(history.openSessions, totals.sessions) : totals.sessions
  // While its first sessions are on the way, an empty list does not mean that there are none.
  const isListed = connection.everOpen && (feed.hasListed || history?.openSessions === 0)
  const { refusedToken } = connection
  const wantsToken = refusedToken !== undefined || (access?.feedToken === true && token === null)

  const clockAheadMs = history?.clockAheadMs ?? 0
  // All instants of sessions are the server's.
  const shown = { state, navigate, nowMs: nowMs - clockAheadMs }
  useKeptFocus()

  return (
    <main class="page">
      <header class="top">
        <div>
          <h1>Sessions</h1>
          <p class="muted">Who is on now</p>
        </div>
        <div class="top-end">
          {operating.toggle}
          <Badge connection={connection} nowMs={nowMs} />
        </div>
      </header>
      <Notices
        connection={connection}
        version={version}
        clockAheadMs={clockAheadMs}
        onToken={setToken}
        token={token}
      />
      {isListed && (
        <section class="summary" aria-label="Totals">
          <Totals totals={totals} open={open} />
          {history !== null && <Chart history={history} open={open} />}
        </section>
      )}
      {(operating.operator !== null || state.view === 'all') && <Views state={state} />}
      {state.view === 'all' ? (
        <AllSessions access={access} operating={operating} {...shown} />
      ) : isListed ? (
        <LiveList
          feed={feed}
          open={open}
          hasOperators={operating.isPossible}
          askToEnd={operating.operator === null ? undefined : operating.askToEnd}
          {...shown}
        />
      ) : (
        <NoList connection={connection} wantsToken={wantsToken} token={token} onToken={setToken} />
      )}
      {operating.overlay}
    </main>
  )
}
