import { counted, number } from '../parts/count-text.js'
import { SearchField } from '../parts/search-field.js'
import { SORT_ORDERS, type SortOrder } from './model.js'

interface ToolbarProps {
  readonly query: string
  readonly onQuery: (query: string) => void
  readonly order: SortOrder
  readonly onOrder: (order: SortOrder) => void
  /** Rows that match. */
  readonly shown: number
  /** Sessions of the list. */
  readonly listed: number
  /** Open sessions, listed or not. */
  readonly open: number
}

/** Search and order of the session list. */
export function Toolbar(props: ToolbarProps) {
  const { query, onQuery, order, onOrder } = props
  return (
    <search class="toolbar">
      <SearchField
        label="Search sessions, hosts and users"
        placeholder="Search sessions, hosts, users"
        value={query}
        onValue={onQuery}
      />
      <label class="choice">
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
        {countText(props)}
      </p>
    </search>
  )
}

function countText({ query, shown, listed, open }: ToolbarProps): string {
  if (query.trim() !== '') {
    return `${number(shown)} of ${number(listed)}${listed < open ? ' listed' : ''}`
  }
  return listed < open ? `${number(listed)} of ${number(open)}` : counted(listed, 'session')
}
