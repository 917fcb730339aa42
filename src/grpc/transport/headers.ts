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

/** Changes in a call's headers what grpc-js would misread. `rawHeaders`: the same as they came, by turns names and values. */
export function mendHeaders(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  dropFarDeadline(headers)
  if (rawHeaders.some((text) => UNPRINTABLE.test(text))) {
    keepUnprintable(headers)
  }
}

/**
 * Takes out a deadline that is further away than a timer can wait. grpc-js would tell the client at once that it is over,
 * and call the handler all the same.
 */
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

/** grpc-js drops a header whose value is not printable ASCII, and with it what only its name tells. */
function keepUnprintable(headers: IncomingHttpHeaders): void {
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && name[0] !== ':' && UNPRINTABLE.test(value)) {
      headers[name] = value.replace(/[^ -~]/g, '?')
    }
  }
}
