import { InvalidFieldError } from '../../core/errors.js'
import type { SearchCursor } from '../../core/search/search.js'
import type { WalkPlace } from '../../core/search/walk.js'

/** Changes with the form, so that a cursor of another release is none. */
const FORM = 1
const MAX_CHARS = 2048
/** More than a walk ever has. */
const MAX_PHASE = 9
/** An id has at most 64 bytes. */
const MAX_ID_CHARS = 64
const LONE_SURROGATE = /\p{Surrogate}/u

/** A cursor as clients keep it: opaque, and not secret. */
export function cursorText({ walk, sorted }: SearchCursor): string {
  const parts = [
    ...[FORM, ...placeParts(walk)],
    ...(sorted ? [...placeParts(sorted.until), sorted.behind.timeMs, sorted.behind.id] : []),
  ]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** Reverses `cursorText`. Throws InvalidFieldError. */
export function readCursor(text: string): SearchCursor {
  const parts = partsOf(text)
  const [form, a, b, c, d, ...rest] = parts
  const walk = readPlace([a, b, c, d])
  if (form !== FORM || walk === null) {
    throw foreign()
  }
  if (rest.length === 0) {
    return { walk }
  }
  const [e, f, g, h, timeMs, id, ...more] = rest
  const until = readPlace([e, f, g, h])
  if (until === null || !(timeMs === null || isTime(timeMs)) || !isId(id) || more.length > 0) {
    throw foreign()
  }
  return { walk, sorted: { until, behind: { timeMs, id } } }
}

function partsOf(text: string): readonly unknown[] {
  try {
    const parts: unknown =
      text.length > MAX_CHARS ? null : JSON.parse(`${Buffer.from(text, 'base64url')}`)
    return Array.isArray(parts) ? parts : []
  } catch {
    return []
  }
}

function placeParts({ sinceMs, phase, after }: WalkPlace): unknown[] {
  return [sinceMs, phase, after?.requestTimeMs ?? null, after?.id ?? null]
}

function readPlace([sinceMs, phase, requestTimeMs, id]: readonly unknown[]): WalkPlace | null {
  if (!isTime(sinceMs) || !isTime(phase) || phase > MAX_PHASE) {
    return null
  }
  if (requestTimeMs === null && id === null) {
    return { sinceMs, phase, after: null }
  }
  return isTime(requestTimeMs) && isId(id) ? { sinceMs, phase, after: { requestTimeMs, id } } : null
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ID_CHARS && !LONE_SURROGATE.test(value)
}

function foreign(): InvalidFieldError {
  return new InvalidFieldError('cursor', 'is none that this server gave: search anew')
}
