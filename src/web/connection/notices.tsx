import { useState } from 'preact/hooks'
import { isOlderVersion } from '../../feed/protocol/version.js'
import type { Connection } from './connection.js'
import { clockTime } from '../parts/time-text.js'

interface NoticesProps {
  readonly connection: Connection
  readonly version: string
}

/** Notices above the list. Screen readers announce them. */
export function Notices({ connection, version }: NoticesProps) {
  const [dismissed, setDismissed] = useState('')
  const { phase, everOpen, expectedVersion, reason, lostAtMs, complaint, wantsToken } = connection
  return (
    <div role="status" class="notices">
      {everOpen && phase !== 'open' && (
        <p class="notice notice-warning">
          <span>
            <strong>Not connected.</strong> The list is as it was at {clockTime(lostAtMs)}
            {wantsToken
              ? ', for the server wants another token: open this page with it, as /#token=…'
              : reason && ` (${reason})`}
            .
          </span>
        </p>
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
      {complaint && complaint !== dismissed && (
        <p class="notice notice-warning">
          <span>
            <strong>The server says:</strong> <bdi>{complaint}</bdi>
          </span>
          <button type="button" class="plain" onClick={() => setDismissed(complaint)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  )
}
