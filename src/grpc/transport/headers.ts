import type { IncomingHttpHeaders } from 'node:http2'
import { MAX_TIMER_MS } from '../../net/timers.js'

const TIMEOUT = 'grpc-timeout'
const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
const UNPRINTABLE = /[^ -~]/

/** Corrects headers of a call that grpc-js would misread. `rawHeaders`: the same as received, names and values alternating. */
export function mendHeaders(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  dropFarDeadline(headers)
  if (rawHeaders.some((text) => UNPRINTABLE.test(text))) {
    keepUnprintable(headers)
  }
}

/** Removes a deadline that is too far away for a timer: grpc-js would fail the call at once, and still call its handler. */
function dropFarDeadline(headers: IncomingHttpHeaders): void {
  const timeout = headers[TIMEOUT]
  if (timeout === undefined) {
    return
  }
  const [, count, unit = ''] = /^(\d+)\s*([HMSmun])$/.exec(`${timeout}`) ?? []
  if (Number(count) * (UNITS_MS[unit] ?? 0) > MAX_TIMER_MS) {
    delete headers[TIMEOUT]
  }
}

/** Keeps headers whose values are not printable ASCII: grpc-js drops them, and the server would not see their names. */
function keepUnprintable(headers: IncomingHttpHeaders): void {
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && name[0] !== ':' && UNPRINTABLE.test(value)) {
      headers[name] = value.replace(/[^ -~]+/g, '?')
    }
  }
}
