const INTERVAL_MS = 100

/** One line on a terminal that says how far something is; elsewhere nothing. */
export function statusLine(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
  let shownMs = Number.NEGATIVE_INFINITY
  let isThere = false
  return {
    show(text: string): void {
      if (stream.isTTY && performance.now() - shownMs >= INTERVAL_MS) {
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
