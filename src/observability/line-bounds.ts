import { backgroundTimer } from '../net/background-timers.js'
import type { After } from '../net/timers.js'

const WINDOW_MS = 1000

/** Limits the lines of each event in a second, so that no peer can fill a disk. */
export class LineBounds {
  private readonly windows = new Map<string, { lines: number; leftOut: number }>()

  /** `onLeftOut` is called at the end of a second that left lines out. */
  constructor(
    private readonly maxLines: number,
    private readonly onLeftOut: (event: string, lines: number) => void,
    private readonly after: After = backgroundTimer,
  ) {}

  admits(event: string): boolean {
    const window = this.windows.get(event) ?? this.open(event)
    if (window.lines < this.maxLines) {
      window.lines++
      return true
    }
    window.leftOut++
    return false
  }

  private open(event: string) {
    const window = { lines: 0, leftOut: 0 }
    this.windows.set(event, window)
    this.after(WINDOW_MS, () => {
      this.windows.delete(event)
      if (window.leftOut > 0) {
        this.onLeftOut(event, window.leftOut)
      }
    })
    return window
  }
}
