import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { FIRST_STATE, type PageState } from '../address/page-state.js'
import type { Navigate } from '../address/use-address.js'
import type { Operator } from '../operator/calls.js'
import type { AskToEnd, Ending } from '../operator/ending.js'
import { nameOf } from '../operator/sessions.js'
import { useKeptFocus } from '../parts/use-kept-focus.js'
import { FoundList } from './found-list.js'
import { FoundCount, FoundEnd, NothingFound, SearchProblem } from './found-state.js'
import { SearchForm } from './search-form.js'
import { SelectionBar } from './selection-bar.js'
import { SessionDetails } from './session-details.js'
import { useSearch } from './use-search.js'

interface ConsoleProps {
  readonly operator: Operator
  readonly state: PageState
  readonly navigate: Navigate
  readonly askToEnd: AskToEnd
  readonly nowMs: number
}

const NO_CONDITIONS = {
  query: '',
  user: '',
  address: '',
  client: '',
  state: 'all',
  kind: 'any',
} as const

/** What operators have: every session of the server, open and ended, to search, look at and end. */
export function Console({ operator, state, navigate, askToEnd, nowMs }: ConsoleProps) {
  const searching = useSearch(operator, state)
  const { found, isEarlier, isAsking, problem } = searching
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const rows = found?.rows ?? []
  const { opened } = state

  useKeptFocus()
  useNewSearch(searching.key, () => setSelected(new Set()))
  // What is not shown cannot be selected.
  const chosen = rows.filter(({ id }) => selected.has(id))
  useEffect(() => {
    if (chosen.length < selected.size) {
      setSelected(new Set(chosen.map(({ id }) => id)))
    }
  }, [chosen.length, selected.size])

  const ended = (what: Ending['what'], ids: ReadonlySet<string>) => {
    if (what === 'delete' && ids.has(opened)) {
      navigate({ opened: '' })
    }
    searching.refresh()
  }
  const end = (what: 'close' | 'delete') => {
    const sessions = chosen.map((session) => ({ id: session.id, name: nameOf(session) }))
    askToEnd({ what, sessions }, () => {
      setSelected(new Set())
      ended(what, selected)
    })
  }
  const details = (
    <SessionDetails
      key={opened}
      id={opened}
      version={`${found?.askedAtMs}`}
      operator={operator}
      nowMs={nowMs}
      onFind={(conditions) => navigate({ ...NO_CONDITIONS, ...conditions, opened: '' }, true)}
      onEnd={(ending) => askToEnd(ending, () => ended(ending.what, new Set([opened])))}
    />
  )
  const isListed = rows.some(({ id }) => id === opened)
  return (
    <>
      <SearchForm conditions={state} navigate={navigate} />
      <FoundCount searching={searching} />
      {problem !== null && <SearchProblem problem={problem} onRetry={searching.refresh} />}
      {opened !== '' && !isListed && found !== null && (
        <section class="pinned" aria-labelledby="pinned-title">
          <div class="pinned-head">
            <h2 id="pinned-title">Opened session</h2>
            <button type="button" class="plain" onClick={() => navigate({ opened: '' })}>
              Close details
            </button>
          </div>
          {details}
        </section>
      )}
      {rows.length > 0 && (
        <FoundList
          rows={rows}
          isAsking={isAsking || isEarlier}
          nowMs={nowMs}
          openedId={opened}
          onOpened={(id) => navigate({ opened: id })}
          details={details}
          selected={selected}
          onSelected={setSelected}
        />
      )}
      {found !== null && !isEarlier && rows.length === 0 && (
        <NothingFound
          searching={searching}
          state={state.state}
          hasConditions={Object.entries(NO_CONDITIONS).some(
            ([key, value]) => state[key as keyof typeof NO_CONDITIONS] !== value,
          )}
          onClear={() => navigate({ ...FIRST_STATE, view: 'all', sort: state.sort })}
        />
      )}
      {rows.length > 0 && !isEarlier && <FoundEnd searching={searching} />}
      {rows.length === 0 && (found === null || isEarlier) && problem === null && (
        <div class="state" aria-busy="true">
          <span class="spinner" />
          <p class="muted">Searching…</p>
        </div>
      )}
      {chosen.length > 0 && (
        <SelectionBar
          count={chosen.length}
          open={chosen.filter(({ isOpen }) => isOpen).length}
          onEnd={end}
          onClear={() => setSelected(new Set())}
        />
      )}
    </>
  )
}

/** A new search begins at the top, with nothing selected. */
function useNewSearch(key: string, onNew: () => void): void {
  const before = useRef(key)
  useLayoutEffect(() => {
    if (before.current !== key) {
      before.current = key
      onNew()
      const above = document.querySelector('search')?.getBoundingClientRect().top ?? 0
      scrollBy(0, Math.min(above, 0))
    }
  }, [key])
}
