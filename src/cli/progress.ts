const BAR_CHARS = 30
/** Where there is no terminal, a line each time that so much more is done. */
const LINE_STEP_PERCENT = 10

/** Tells on `stream` how far something is: as a bar on a terminal, else in a few lines. */
export function progressOn(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  what: string,
) {
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
