import { FIRST_STATE, type PageState, VIEWS, writeState } from './address/page-state.js'

/** Leads from the live list to all sessions, and back. What was searched stays. */
export function Views({ state }: { readonly state: PageState }) {
  return (
    <nav class="views" aria-label="Views">
      {Object.entries(VIEWS).map(([view, name]) => (
        <a
          key={view}
          href={writeState({ ...FIRST_STATE, view: view as PageState['view'], query: state.query })}
          aria-current={view === state.view ? 'page' : undefined}
        >
          {name}
        </a>
      ))}
    </nav>
  )
}
