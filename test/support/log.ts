import { createLog } from '../../src/observability/log.js'

/** A log whose lines are kept, and whose seconds end when the test says so. */
export function keptLog(level = 'debug') {
  const texts: string[] = []
  const ends: (() => void)[] = []
  const log = createLog(level, {
    destination: { write: (line) => texts.push(line) },
    after: (_, run) => {
      ends.push(run)
      return () => {}
    },
  })
  return {
    log,
    text: () => texts.join(''),
    lines: (): Record<string, unknown>[] => texts.map((line) => JSON.parse(line)),
    /** Ends the second. */
    endSecond() {
      for (const end of ends.splice(0)) {
        end()
      }
    },
  }
}
