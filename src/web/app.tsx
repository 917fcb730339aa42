import { useMemo } from 'preact/hooks'
import { useAddress } from './address/use-address.js'
import { Badge } from './connection/badge.js'
import { Notices } from './connection/notices.js'
import { TokenForm } from './connection/token-form.js'
import { useAccess } from './connection/use-access.js'
import { useFeed } from './connection/use-feed.js'
import { useFeedToken } from './connection/use-feed-token.js'
import { AllSessions } from './console/all-sessions.js'
import { Loading } from './live/list-state.js'
import { LiveList } from './live/live-list.js'
import { totalsOf } from './live/model.js'
import { useOperating } from './operator/use-operating.js'
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
  const operating = useOperating(access ?? null)
  const totals = useMemo(() => totalsOf(sessions.values()), [feed])
  // The list itself is newer than the last answer, as long as it has all.
  const isPart = history !== null && history.openSessions > history.maxListed
  const open = isPart ? Math.max(history.openSessions, totals.sessions) : totals.sessions
  const { refusedToken } = connection
  const wantsToken = refusedToken !== undefined || (access?.feedToken === true && token === null)

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
      <Notices connection={connection} version={version} onToken={setToken} token={token} />
      {connection.everOpen && (
        <section class="summary" aria-label="Totals">
          <Totals totals={totals} open={open} />
          {history !== null && <Chart history={history} open={open} />}
        </section>
      )}
      {(operating.operator !== null || state.view === 'all') && <Views state={state} />}
      {state.view === 'all' ? (
        <AllSessions
          access={access}
          operating={operating}
          state={state}
          navigate={navigate}
          nowMs={nowMs}
        />
      ) : connection.everOpen ? (
        <LiveList
          feed={feed}
          state={state}
          navigate={navigate}
          open={open}
          nowMs={nowMs}
          hasOperators={operating.isPossible}
          askToEnd={operating.operator === null ? undefined : operating.askToEnd}
        />
      ) : wantsToken ? (
        <div class="state">
          <h2>The server wants a token</h2>
          <p class="muted">
            It shows its sessions to those who have the token of its <code>--feed-token</code>. The
            page keeps it until this tab is closed.
          </p>
          <TokenForm wasRefused={token !== null && refusedToken === token} onToken={setToken} />
        </div>
      ) : (
        <Loading connection={connection} />
      )}
      {operating.overlay}
    </main>
  )
}
