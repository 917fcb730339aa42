import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { WatchedSession } from '../../client/watch.js'
import { Geometry, panelHeight } from './geometry.js'
import { targetOf } from './keyboard.js'
import { reveal } from './scrolling.js'
import { type RowActions, SessionRow } from './session-row.js'
import { useReading } from './use-reading.js'
import { useViewport } from './use-viewport.js'

interface SessionListProps {
  readonly rows: readonly WatchedSession[]
  /** Identifies the search and the order of the rows. */
  readonly view: string
  readonly nowMs: number
  /** The expanded session; empty: none. */
  readonly openedId: string
  readonly onOpened: (id: string) => void
  readonly actions: RowActions | undefined
}

/** Draws only the rows in view and the focused one. Tab reaches one row; arrow keys move to others. */
export function SessionList(props: SessionListProps) {
  const { rows, view, nowMs, openedId, onOpened, actions } = props
  const list = useRef<HTMLUListElement>(null)
  const viewport = useViewport(list)
  const [focusedId, setFocusedId] = useState('')
  const place = useRef(0)

  const opened = openedId === '' ? -1 : rows.findIndex(({ id }) => id === openedId)
  const openedRow = rows[opened]
  const panel = openedRow ? panelHeight(openedRow, actions !== undefined) : 0
  const geometry = new Geometry(rows.length, opened, panel)

  // If the focused session is gone, the focus stays at its position.
  const found = rows.findIndex(({ id }) => id === focusedId)
  const focus = found >= 0 ? found : Math.min(place.current, rows.length - 1)
  place.current = focus

  const moveFocus = useKeptFocus(list)
  useReading(list, rows, geometry, view)

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && openedId !== '') {
      onOpened('')
      return
    }
    const inRow = event.target instanceof Element && event.target.matches('.row-button')
    const target = inRow ? targetOf(event.key, focus, rows.length) : null
    const session = target === null ? undefined : rows[target]
    if (target !== null && session !== undefined) {
      event.preventDefault()
      moveFocus()
      setFocusedId(session.id)
      reveal(list.current, geometry.topOf(target), geometry.bottomOf(target))
    }
  }

  return (
    <ul
      ref={list}
      class="list"
      aria-label="Open sessions"
      style={{ height: `${geometry.height}px` }}
      onKeyDown={onKeyDown}
    >
      {drawnRows(rows, geometry.range(viewport.top, viewport.bottom), focus).map(
        ({ session, index }) => (
          <SessionRow
            key={session.id}
            session={session}
            index={index}
            count={rows.length}
            top={geometry.topOf(index)}
            opened={index === opened}
            reachable={index === focus}
            nowMs={nowMs}
            onToggle={() => onOpened(index === opened ? '' : session.id)}
            onFocus={() => setFocusedId(session.id)}
            actions={actions}
          />
        ),
      )}
    </ul>
  )
}

/** The rows in view, and the focused one even out of view, so that the focus is not lost. */
function drawnRows(
  rows: readonly WatchedSession[],
  [first, last]: readonly [number, number],
  focus: number,
) {
  const drawn = rows.slice(first, last + 1).map((session, i) => ({ session, index: first + i }))
  const focused = rows[focus]
  if (focused !== undefined && focus < first) {
    drawn.unshift({ session: focused, index: focus })
  } else if (focused !== undefined && focus > last) {
    drawn.push({ session: focused, index: focus })
  }
  return drawn
}

/**
 * Moves the focus to the row that Tab reaches, if the row that had it is gone or the returned function was called.
 */
function useKeptFocus(list: RefObject<HTMLUListElement | null>): () => void {
  const hadFocus = list.current?.contains(document.activeElement) ?? false
  const wanted = useRef(false)
  useLayoutEffect(() => {
    const lost = hadFocus && !list.current?.contains(document.activeElement)
    if (wanted.current || lost) {
      wanted.current = false
      list.current?.querySelector<HTMLElement>('[tabindex="0"].row-button')?.focus({
        preventScroll: true,
      })
    }
  })
  return () => {
    wanted.current = true
  }
}
