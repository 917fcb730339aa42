import { type Logger, pino } from 'pino'

export type { Logger }

/** One JSON line an event, on standard output. Callers name what they log; no object is logged whole. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
