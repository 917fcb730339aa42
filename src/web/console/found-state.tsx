import type { OperatorError } from '../operator/calls.js'
import { counted, number } from '../parts/count-text.js'
import { clockTime, exact } from '../parts/time-text.js'
import type { Found } from './search.js'
import type { Searching } from './use-search.js'

/** How many sessions there are, as of when. */
export function FoundCount({ searching }: { readonly searching: Searching }) {
  const { found, isEarlier, isAsking, refresh } = searching
  return (
    <div class="found-count muted" tabIndex={-1}>
      <p role="status">{found !== null && !isEarlier && countText(found)}</p>
      {found !== null && !isEarlier && (
        <p>
          as of {clockTime(found.askedAtMs)}{' '}
          <button type="button" class="link" disabled={isAsking} onClick={refresh}>
            Refresh
          </button>
        </p>
      )}
    </div>
  )
}

function countText({ rows, total, next, stopped }: Found): string {
  if (total !== null && total > rows.length) {
    return `${number(rows.length)} of ${number(total)} sessions`
  }
  if (next === null) {
    return counted(rows.length, 'session')
  }
  if (stopped) {
    return `${number(rows.length)} found so far`
  }
  return `The first ${number(rows.length)}`
}

/** Below the rows: whether that is all, and how to go on. */
export function FoundEnd({ searching }: { readonly searching: Searching }) {
  const { found, isAsking } = searching
  if (found === null || found.next === null) {
    return <p class="found-end muted">That is all.</p>
  }
  return (
    <div class="found-end">
      {(found.stopped || isAsking) && <p class="muted">{walkText(found)}</p>}
      <GoOn searching={searching} />
    </div>
  )
}

function GoOn({ searching }: { readonly searching: Searching }) {
  const { found, isAsking, more, stop } = searching
  return isAsking ? (
    <button type="button" class="plain" onClick={stop}>
      Stop
    </button>
  ) : (
    <button type="button" class="plain" onClick={more}>
      {found?.stopped ? 'Look further' : 'Show more'}
    </button>
  )
}

/** How far a walk came. */
function walkText({ lookedAt, reachedAtMs }: Found): string {
  const reached = reachedAtMs === null ? '' : `, to a last request at ${exact(reachedAtMs)}`
  return `The server looked at ${counted(lookedAt, 'session')}${reached}.`
}

const SEARCHED = {
  all: 'sessions, open and ended',
  open: 'open sessions',
  ended: 'ended sessions',
} as const

interface NothingFoundProps {
  readonly searching: Searching
  readonly state: keyof typeof SEARCHED
  readonly hasConditions: boolean
  readonly onClear: () => void
}

/** In place of rows: none match, or none matched so far. */
export function NothingFound({ searching, state, hasConditions, onClear }: NothingFoundProps) {
  const { found } = searching
  if (found !== null && found.next !== null) {
    return (
      <div class="state">
        <h2>Nothing found yet</h2>
        <p class="muted">{walkText(found)} There are more.</p>
        <GoOn searching={searching} />
      </div>
    )
  }
  return (
    <div class="state">
      <h2>{hasConditions ? 'No session matches' : 'There are no sessions'}</h2>
      <p class="muted">
        {hasConditions
          ? `The server looked through all of its ${SEARCHED[state]}.`
          : 'None is open, and no record of an ended one is kept.'}
      </p>
      {hasConditions && (
        <button type="button" class="plain" onClick={onClear}>
          Clear search and filters
        </button>
      )}
    </div>
  )
}

interface SearchProblemProps {
  readonly problem: OperatorError
  readonly onRetry: () => void
}

/** Why the server gave no answer. */
export function SearchProblem({ problem, onRetry }: SearchProblemProps) {
  return (
    <p class="notice notice-warning" role="alert">
      <span>
        <strong>The search failed:</strong> {problem.message}
      </span>
      <button type="button" class="plain" onClick={onRetry}>
        Try again
      </button>
    </p>
  )
}
