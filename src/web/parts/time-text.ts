export const JUST_NOW = 'just now'

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** "just now", "5 min ago", "3 h ago", "2 d ago". A time in the future is "just now". */
export function ago(time: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(time)) / 1_000
  for (const [unit, length] of UNITS) {
    if (seconds >= length) {
      return `${Math.floor(seconds / length)} ${unit} ago`
    }
  }
  return JUST_NOW
}

const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** The local time to the second. Text that is not a time stays as it is. */
export function exact(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : exactFormat.format(date)
}

/** The local date. Text that is not a time stays as it is. */
export function day(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : dayFormat.format(date)
}

const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** The local time of day. */
export function clockTime(timeMs: number): string {
  return clockFormat.format(timeMs)
}
