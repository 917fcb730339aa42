const BAR_CHARS = 30
/** Where there is no terminal, a line each time that so much more is done. */
const LINE_STEP_PERCENT = 10
const STATUS_INTERVAL_MS = 100

/** Where progress is shown. */
type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Tells on `stream` how far something is: as a bar on a terminal, else in a few lines. */
export function progressOn(stream: Screen, what: string) {
  let shown = 0
  let isBarThere = false
  return {
    /** `part`: from 0 to 1, null where it is not known; `counts`: what to say beside it. */
    show(part: number | null, counts: string): void {
      if (part === null) {
        if (stream.isTTY) {
          stream.write(`\r${counts}`)
          isBarThere = true
        }
        return
      }
      const percent = Math.floor(100 * part)
      // The end is told of by the counts.
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
    /** Makes room for other output. */
    clear(): void {
      if (isBarThere) {
        stream.write('\r\x1b[K')
        isBarThere = false
      }
    },
  }
}

/** One line on a terminal that says how far something is; elsewhere nothing. */
export function statusLine(stream: Screen) {
  let shownMs = Number.NEGATIVE_INFINITY
  let isThere = false
  return {
    show(text: string): void {
      if (stream.isTTY && performance.now() - shownMs >= STATUS_INTERVAL_MS) {
        shownMs = performance.now()
        stream.write(`\r\x1b[K${text}`)
        isThere = true
      }
    },
    /** Makes room for other output. */
    clear(): void {
      if (isThere) {
        stream.write('\r\x1b[K')
        isThere = false
      }
    },
  }
}
