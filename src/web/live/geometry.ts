import type { WatchedSession } from '../../client/watch.js'

// Pixels, as in list.css. Rows have one height, so they can be placed without measuring.
export const ROW_HEIGHT = 68
const USER_HEIGHT = 40
const PANEL_FRAME = 62
const ACTIONS_HEIGHT = 46
const MOST_USERS_SEEN = 6.5

/** Extra rows beyond the edges, so that fast scrolling shows no gap. */
const OVERSCAN = 6

/** The height of the panel below a row. If there are many users, one is half visible: it shows that there are more. */
export function panelHeight(session: WatchedSession, hasActions: boolean): number {
  const seen = Math.min(Math.max(session.users.length, 1), MOST_USERS_SEEN)
  return PANEL_FRAME + seen * USER_HEIGHT + (hasActions ? ACTIONS_HEIGHT : 0)
}

/** Where each row of a list is. At most one row is expanded. */
export class Geometry {
  constructor(
    private readonly count: number,
    /** The index of the expanded row; -1: none. */
    private readonly opened: number,
    private readonly panel: number,
  ) {}

  get height(): number {
    return this.count * ROW_HEIGHT + (this.opened >= 0 ? this.panel : 0)
  }

  topOf(index: number): number {
    return index * ROW_HEIGHT + (this.opened >= 0 && index > this.opened ? this.panel : 0)
  }

  bottomOf(index: number): number {
    return this.topOf(index) + ROW_HEIGHT + (index === this.opened ? this.panel : 0)
  }

  /** The row at this height, or the nearest one. */
  indexAt(y: number): number {
    const below = this.opened >= 0 && y >= this.topOf(this.opened) + ROW_HEIGHT
    const index = below
      ? Math.max(Math.floor((y - this.panel) / ROW_HEIGHT), this.opened)
      : Math.floor(y / ROW_HEIGHT)
    return Math.min(Math.max(index, 0), this.count - 1)
  }

  /** The rows to draw for a view of the list, first and last inclusive. */
  range(top: number, bottom: number): [first: number, last: number] {
    return [
      Math.max(this.indexAt(top) - OVERSCAN, 0),
      Math.min(this.indexAt(bottom) + OVERSCAN, this.count - 1),
    ]
  }
}
