import { useMemo } from 'preact/hooks'
import type { PageState } from '../address/page-state.js'
import type { Navigate } from '../address/use-address.js'
import type { Feed } from '../connection/use-feed.js'
import type { AskToEnd } from '../operator/ending.js'
import { number } from '../parts/count-text.js'
import { NoMatch, NoOne } from './list-state.js'
import { select } from './model.js'
import { SessionList } from './session-list.js'
import { Toolbar } from './toolbar.js'

interface LiveListProps {
  readonly feed: Feed
  readonly state: PageState
  readonly navigate: Navigate
  /** Open sessions of the server, listed or not. */
  readonly open: number
  readonly nowMs: number
  /** Whether the server has operators. */
  readonly hasOperators: boolean
  /** Absent outside operator mode. */
  readonly askToEnd: AskToEnd | undefined
}

/** The open sessions as the server lists them, with search and order. */
export function LiveList(props: LiveListProps) {
  const { feed, state, navigate, open, nowMs, hasOperators, askToEnd } = props
  const { query, order, opened } = state
  const listed = feed.sessions.size
  const rows = useMemo(() => select(feed.sessions.values(), query, order), [feed, query, order])
  if (listed === 0) {
    return <NoOne />
  }
  const searchAll = () => navigate({ view: 'all', state: 'all', opened: '' }, true)
  const clear = () => {
    navigate({ query: '' })
    // Hiding the button would lose the focus.
    document.querySelector<HTMLElement>('[type="search"]')?.focus()
  }
  return (
    <>
      <Toolbar
        query={query}
        onQuery={(changed) => navigate({ query: changed })}
        order={order}
        onOrder={(changed) => navigate({ order: changed })}
        shown={rows.length}
        listed={listed}
        open={open}
      />
      {listed < open && rows.length > 0 && (
        <p class="part muted">
          <span>
            These are the {number(listed)} open sessions with the newest requests, of {number(open)}
            .
          </span>
          {hasOperators && (
            <button type="button" class="link" onClick={searchAll}>
              Search all
            </button>
          )}
        </p>
      )}
      {rows.length > 0 ? (
        <SessionList
          rows={rows}
          view={`${order} ${query}`}
          nowMs={nowMs}
          openedId={opened}
          onOpened={(id) => navigate({ opened: id })}
          actions={
            askToEnd && {
              askToEnd,
              onDetails: (id) => navigate({ view: 'all', query: '', opened: id }, true),
            }
          }
        />
      ) : (
        <NoMatch
          query={query}
          listed={listed}
          open={open}
          onClear={clear}
          onSearchAll={hasOperators ? searchAll : undefined}
        />
      )}
    </>
  )
}
