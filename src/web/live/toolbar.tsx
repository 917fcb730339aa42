import { useEffect, useRef } from 'preact/hooks'
import { SORT_ORDERS, type SortOrder } from './model.js'

interface ToolbarProps {
  readonly query: string
  readonly onQuery: (query: string) => void
  readonly order: SortOrder
  readonly onOrder: (order: SortOrder) => void
  readonly shown: number
  readonly known: number
}

const number = new Intl.NumberFormat('en')

/** Search and order. "/" moves the focus to the search from anywhere; Escape clears it. */
export function Toolbar({ query, onQuery, order, onOrder, shown, known }: ToolbarProps) {
  const search = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement
      if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault()
        search.current?.select()
      }
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])

  const counted =
    shown === known
      ? `${number.format(known)} ${known === 1 ? 'session' : 'sessions'}`
      : `${number.format(shown)} of ${number.format(known)}`
  return (
    <search class="toolbar">
      <div class="search-field">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="7" cy="7" r="4.5" />
          <path d="m10.5 10.5 3.5 3.5" />
        </svg>
        <input
          ref={search}
          type="search"
          aria-label="Search sessions, hosts and users"
          aria-keyshortcuts="/"
          placeholder="Search sessions, hosts, users"
          autocomplete="off"
          spellcheck={false}
          value={query}
          onInput={(event) => onQuery(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Escape' && onQuery('')}
        />
        <span class="hint" aria-hidden="true">
          /
        </span>
      </div>
      <label class="sort">
        <span class="visually-hidden">Sort by</span>
        <select value={order} onChange={(event) => onOrder(event.currentTarget.value as SortOrder)}>
          {Object.entries(SORT_ORDERS).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {/* Read out as a search finds, not with every session that comes or goes. */}
      <p class="counted muted" role={query ? 'status' : undefined}>
        {counted}
      </p>
    </search>
  )
}
