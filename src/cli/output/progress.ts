const BAR_CHARS = 30
/** Without a terminal: one line for each step of this size. */
const LINE_STEP_PERCENT = 10
const STATUS_INTERVAL_MS = 100

/** Where progress is shown. */
type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Shows progress on `stream`: a bar on a terminal, otherwise a few lines. */
export function progressOn(stream: Screen, what: string) {
  let shown = 0
  let isBarThere = false
  return {
    /** `part`: from 0 to 1, or null if unknown; `counts`: the text beside the bar. */
    show(part: number | null, counts: string): void {
      if (part === null) {
        if (stream.isTTY) {
          stream.write(`\r${counts}`)
          isBarThere = true
        }
        return
      }
      const percent = Math.floor(100 * part)
      // The summary of the command reports the end.
      if (percent >= 100 || percent < shown + (stream.isTTY ? 1 : LINE_STEP_PERCENT)) {
        return
      }
      shown = percent
      if (stream.isTTY) {
        const done = Math.round(BAR_CHARS * part)
        const bar = '#'.repeat(done).padEnd(BAR_CHARS, '-')
        stream.write(`\r[${bar}] ${percent} %, ${counts}`)
        isBarThere = true
      } else {
        stream.write(`sessiond: ${percent} % of ${what}, ${counts}\n`)
      }
    },
    /** Clears the line for other output. */
    clear(): void {
      if (isBarThere) {
        stream.write('\r\x1b[K')
        isBarThere = false
      }
    },
  }
}

/** Shows progress in one line on a terminal; elsewhere nothing. */
export function statusLine(stream: Screen) {
  let shownAtMs = Number.NEGATIVE_INFINITY
  let isThere = false
  return {
    show(text: string): void {
      if (stream.isTTY && performance.now() - shownAtMs >= STATUS_INTERVAL_MS) {
        shownAtMs = performance.now()
        stream.write(`\r\x1b[K${text}`)
        isThere = true
      }
    },
    /** Clears the line for other output. */
    clear(): void {
      if (isThere) {
        stream.write('\r\x1b[K')
        isThere = false
      }
    },
  }
}
