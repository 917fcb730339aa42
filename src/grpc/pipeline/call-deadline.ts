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

/**
 * Takes out of a call's headers a deadline that is further away than a timer can wait. grpc-js would tell the
 * client at once that it is over, and call the handler all the same.
 */
export function dropFarDeadline(headers: IncomingHttpHeaders): void {
  const timeout = headers[TIMEOUT]
  if (timeout === undefined) {
    return
  }
  const [, count, unit = ''] = /^(\d+)\s*([HMSmun])$/.exec(`${timeout}`) ?? []
  if (Number(count) * (UNITS_MS[unit] ?? 0) > MAX_TIMER_MS) {
    delete headers[TIMEOUT]
  }
}

/** Whether the client has been told, or is about to be, that its call took too long. */
export function isPastDeadline(call: { getDeadline(): Date | number }): boolean {
  return Number(call.getDeadline()) <= Date.now()
}
