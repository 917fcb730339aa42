import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { targetOf } from '../live/keyboard.js'
import type { FoundSession } from '../operator/sessions.js'
import { FoundRow } from './found-row.js'

interface FoundListProps {
  readonly rows: readonly FoundSession[]
  readonly isAsking: boolean
  readonly nowMs: number
  readonly openedId: string
  readonly onOpened: (id: string) => void
  /** Of the opened session. */
  readonly details: ComponentChildren
  readonly selected: ReadonlySet<string>
  readonly onSelected: (ids: ReadonlySet<string>) => void
}

/** The found sessions. Tab reaches one row; arrow keys move to others, in the column of the boxes or of the rows. */
export function FoundList(props: FoundListProps) {
  const { rows, isAsking, nowMs, openedId, onOpened, details, selected, onSelected } = props
  const list = useRef<HTMLUListElement>(null)
  const [focusedId, setFocusedId] = useState('')
  const reachable = Math.max(
    rows.findIndex(({ id }) => id === focusedId),
    0,
  )

  const onKeyDown = (event: KeyboardEvent) => {
    const { key, target } = event
    if (key === 'Escape' && openedId !== '') {
      onOpened('')
      return
    }
    const column = target instanceof Element && target.closest('.found-button, .found-box')
    const next = column ? targetOf(key, reachable, rows.length) : null
    if (column && next !== null) {
      event.preventDefault()
      const row = list.current?.children[next]
      row?.querySelector<HTMLElement>(`.${column.classList[0]}`)?.focus()
    }
  }
  const select = (id: string, isChosen: boolean) => {
    const ids = new Set(selected)
    if (isChosen) {
      ids.add(id)
    } else {
      ids.delete(id)
    }
    onSelected(ids)
  }
  const chosen = rows.filter(({ id }) => selected.has(id)).length
  return (
    <div class="found">
      <div class="found-head">
        <label class="found-check">
          <input
            type="checkbox"
            checked={chosen === rows.length}
            indeterminate={chosen > 0 && chosen < rows.length}
            onChange={({ currentTarget }) =>
              onSelected(new Set(currentTarget.checked ? rows.map(({ id }) => id) : []))
            }
          />
          <span class="visually-hidden">Select all that are shown</span>
        </label>
        <div class="found-columns" aria-hidden="true">
          <span>User</span>
          <span>Client and address</span>
          <span>Last request</span>
          <span>State</span>
        </div>
      </div>
      <ul
        ref={list}
        class="found-list"
        aria-label="Found sessions"
        aria-busy={isAsking}
        onKeyDown={onKeyDown}
      >
        {rows.map((session, index) => (
          <FoundRow
            key={session.id}
            session={session}
            isReachable={index === reachable}
            isOpened={session.id === openedId}
            isSelected={selected.has(session.id)}
            nowMs={nowMs}
            onFocus={() => setFocusedId(session.id)}
            onToggle={() => onOpened(session.id === openedId ? '' : session.id)}
            onSelect={(isChosen) => select(session.id, isChosen)}
            details={details}
          />
        ))}
      </ul>
    </div>
  )
}
