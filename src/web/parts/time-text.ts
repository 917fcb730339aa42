export const JUST_NOW = 'just now'

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** "5 min", "3 h", "2 d"; null: less than a minute. */
function length(ms: number): string | null {
  const seconds = ms / 1_000
  const unit = UNITS.find(([, unitSeconds]) => seconds >= unitSeconds)
  return unit === undefined ? null : `${Math.floor(seconds / unit[1])} ${unit[0]}`
}

/** "just now", "5 min ago", "3 h ago", "2 d ago". A time in the future is "just now". */
export function ago(time: string | number, nowMs: number): string {
  const text = length(nowMs - new Date(time).getTime())
  return text === null ? JUST_NOW : `${text} ago`
}

/** "in 5 min", "in 3 h", "in 2 d", "in under a minute"; a lifetime without end is "never", whatever its number. */
export function until(timeMs: number, nowMs: number): string {
  if (isPastEveryDate(timeMs)) {
    return 'never'
  }
  return `in ${length(timeMs - nowMs) ?? 'under a minute'}`
}

/** "1 d ahead of", "5 min behind"; null: less than a minute. */
export function clockText(aheadMs: number): string | null {
  const text = length(Math.abs(aheadMs))
  return text && `${text} ${aheadMs > 0 ? 'ahead of' : 'behind'}`
}

/** A lifetime may end later than a `Date` can say. */
function isPastEveryDate(timeMs: number): boolean {
  return Number.isNaN(new Date(timeMs).getTime())
}

const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** The local time to the second. Text that is not a time stays as it is. */
export function exact(time: string | number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : exactFormat.format(date)
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

/** When a session ends by itself, for people; null: never. */
export function expiryText(expiresAtMs: number | null): string {
  if (expiresAtMs === null) {
    return 'never by itself'
  }
  return isPastEveryDate(expiresAtMs) ? 'never: its lifetime has no end' : exact(expiresAtMs)
}
