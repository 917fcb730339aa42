import type { ComponentChildren } from 'preact'
import { counted, number } from '../parts/count-text.js'
import { Untrusted } from '../parts/untrusted.js'

/** Shown if nobody has a session open. */
export function NoOne() {
  return (
    <div class="state">
      <h2>No one is on</h2>
      <p class="muted">Sessions appear here the moment they open.</p>
    </div>
  )
}

interface NoMatchProps {
  readonly query: string
  readonly listed: number
  /** Open sessions, listed or not. */
  readonly open: number
  readonly onClear: () => void
  /** Searches on the server. Absent where it has no operators. */
  readonly onSearchAll: (() => void) | undefined
}

/** Shown if a search finds nothing. It speaks of the list alone: the server may have more, which the page may not know yet. */
export function NoMatch({ query, listed, open, onClear, onSearchAll }: NoMatchProps) {
  const hidden = open - listed
  return (
    <div class="state">
      <h2>No match among the listed sessions</h2>
      <p class="muted">
        None of the {counted(listed, 'listed session')} has “<Untrusted text={query.trim()} />” in
        its name, host, id or users.
        {hidden > 0 && <Hidden hidden={hidden} />}
      </p>
      <div class="state-actions">
        <button type="button" class="plain" onClick={onClear}>
          Clear the search
        </button>
        {onSearchAll && (
          <button type="button" class="plain primary" onClick={onSearchAll}>
            Search all sessions, ended ones too
          </button>
        )}
      </div>
    </div>
  )
}

function Hidden({ hidden }: { readonly hidden: number }): ComponentChildren {
  return (
    <>
      {' '}
      The list leaves out {number(hidden)} open {hidden === 1 ? 'one' : 'ones'}, whose last requests
      are older: they were not searched.
    </>
  )
}
