import type { Connection } from '../connection/connection.js'

interface ListStateProps {
  readonly connection: Connection
  readonly known: number
  readonly query: string
  readonly onClear: () => void
}

/** Shown in place of an empty list: it is loading, it cannot be loaded, or there are no sessions. */
export function ListState({ connection, known, query, onClear }: ListStateProps) {
  if (!connection.everOpen && connection.wantsToken) {
    return (
      <div class="state" role="alert">
        <h2>The server wants a token</h2>
        <p>
          It shows its sessions to those who have the token of its <code>--feed-token</code>.
        </p>
        <p class="muted">
          Open this page with it at the end of the address: <code>/#token=…</code>
        </p>
      </div>
    )
  }
  if (!connection.everOpen) {
    return connection.phase === 'waiting' || connection.reason ? (
      <div class="state" role="alert">
        <h2>The server does not answer</h2>
        <p>{connection.reason || 'The connection could not be made.'}</p>
        <p class="muted">The page keeps trying; nothing needs to be done here.</p>
      </div>
    ) : (
      <div class="state" aria-busy="true">
        <span class="spinner" />
        <p class="muted">Loading the sessions…</p>
      </div>
    )
  }
  if (known > 0) {
    return (
      <div class="state">
        <h2>No session matches</h2>
        <p class="muted">
          Nothing has “<bdi>{query.trim()}</bdi>” in its name, host, id or users.
        </p>
        <button type="button" class="plain" onClick={onClear}>
          Clear the search
        </button>
      </div>
    )
  }
  return (
    <div class="state">
      <h2>No one is on</h2>
      <p class="muted">Sessions appear here the moment they open.</p>
    </div>
  )
}
