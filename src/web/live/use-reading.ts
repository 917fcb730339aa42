import type { RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { WatchedSession } from '../../client/watch.js'
import type { Geometry } from './geometry.js'
import { coveredHeight } from './scrolling.js'

/**
 * Keeps the row at the top of the window in place while rows above it come and go, for someone who has scrolled down to
 * read. A new search or order starts at the top.
 */
export function useReading(
  list: RefObject<HTMLElement | null>,
  rows: readonly WatchedSession[],
  geometry: Geometry,
  view: string,
): void {
  const before = useRef({ rows, geometry, view })
  useLayoutEffect(() => {
    const was = before.current
    before.current = { rows, geometry, view }
    const above = -(list.current?.getBoundingClientRect().top ?? 0)
    if (above <= 0 || was.rows === rows) {
      return
    }
    if (was.view !== view) {
      scrollBy(0, -above - coveredHeight())
      return
    }
    const index = was.geometry.indexAt(above)
    const id = was.rows[index]?.id
    const now = rows.findIndex((session) => session.id === id)
    if (now >= 0) {
      scrollBy(0, geometry.topOf(now) - was.geometry.topOf(index))
    }
  })
}
