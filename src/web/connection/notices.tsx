import { useState } from 'preact/hooks'
import { isPartMessage } from '../../feed/protocol/messages.js'
import { isOlderVersion } from '../../feed/protocol/version.js'
import { clockText, clockTime } from '../parts/time-text.js'
import { Untrusted } from '../parts/untrusted.js'
import type { Connection } from './connection.js'
import { TokenForm } from './token-form.js'

interface NoticesProps {
  readonly connection: Connection
  readonly version: string
  /** Of this browser, before the server's; negative: behind it. */
  readonly clockAheadMs: number
  /** The token that this page has; null: none. */
  readonly token: string | null
  readonly onToken: (token: string) => void
}

/** Notices above the list. Screen readers announce them. */
export function Notices(props: NoticesProps) {
  const { connection, version, clockAheadMs, token, onToken } = props
  const [dismissed, setDismissed] = useState('')
  const { phase, everOpen, expectedVersion, reason, lostAtMs, complaint, refusedToken } = connection
  const wantsToken = refusedToken !== undefined
  const clock = clockText(clockAheadMs)
  return (
    <div role="status" class="notices">
      {everOpen && phase !== 'open' && (
        <p class="notice notice-warning">
          <span>
            <strong>Not connected.</strong> The list is as it was at {clockTime(lostAtMs)}
            {wantsToken ? ': the server wants another token' : reason && ` (${reason})`}.
          </span>
        </p>
      )}
      {everOpen && phase !== 'open' && wantsToken && (
        <TokenForm wasRefused={token !== null && refusedToken === token} onToken={onToken} />
      )}
      {isOlderVersion(version, expectedVersion) && (
        <p class="notice">
          <span>
            <strong>A newer page is out.</strong> This is version {version}; the server expects{' '}
            {expectedVersion}.
          </span>
          <button type="button" class="plain" onClick={() => location.reload()}>
            Reload
          </button>
        </p>
      )}
      {clock !== null && (
        <p class="notice">
          <span>
            <strong>This device’s clock is {clock} the server’s.</strong> Times here go by the
            server’s clock.
          </span>
        </p>
      )}
      {/* That it is a part, the list itself says, with the number of all open sessions. */}
      {complaint && complaint !== dismissed && !isPartMessage(complaint) && (
        <p class="notice notice-warning">
          <span>
            <strong>The server says:</strong> <Untrusted text={complaint} />
          </span>
          <button type="button" class="plain" onClick={() => setDismissed(complaint)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  )
}
