import type { Connection } from './connection.js'
import { TokenForm } from './token-form.js'

interface NoListProps {
  readonly connection: Connection
  readonly wantsToken: boolean
  /** The token that this page has; null: none. */
  readonly token: string | null
  readonly onToken: (token: string) => void
}

/** Shown while there is no list yet: it is loading, the server does not answer, or it wants a token. */
export function NoList({ connection, wantsToken, token, onToken }: NoListProps) {
  const { phase, reason, refusedToken } = connection
  if (wantsToken) {
    return (
      <div class="state">
        <h2>The server wants a token</h2>
        <p class="muted">
          It shows its sessions to those who have the token of its <code>--feed-token</code>. The
          page keeps it until this tab is closed.
        </p>
        <TokenForm wasRefused={token !== null && refusedToken === token} onToken={onToken} />
      </div>
    )
  }
  if (phase === 'waiting' || reason) {
    return (
      <div class="state" role="alert">
        <h2>The server does not answer</h2>
        <p>{reason || 'The connection could not be made.'}</p>
        <p class="muted">The page keeps trying; nothing needs to be done here.</p>
      </div>
    )
  }
  return (
    <div class="state" aria-busy="true">
      <span class="spinner" />
      <p class="muted">Loading the sessions…</p>
    </div>
  )
}
