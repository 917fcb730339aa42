import { watchCpu } from './cpu.js'
import { drive } from './drive.js'
import { pace } from './pace.js'
import { quantile } from './statistics.js'

const IN_FLIGHT = 64
/** The warm-up ends after this many calls, or after this time. */
const WARM_UP_CALLS = 4000
const WARM_UP_MS = 1000
/** Messages are prepared for this multiple of the warm-up's rate. */
const RESERVE = 1.5

/**
 * Measures the cost of calls for `seconds`, after a warm-up: `inFlight` under way, or `perSecond` at a steady pace.
 * `messages` is an iterator of requests. `pid` is the server's. `repeat`: whether a message may be sent again.
 */
export async function measure(client, messages, job) {
  const { pid, seconds, repeat, perSecond, inFlight = IN_FLIGHT } = job
  const take = (count) => Array.from({ length: count }, () => messages.next().value)
  let taken = take(WARM_UP_CALLS)
  const warmUp = await drive(client, each(taken, false), { inFlight, durationMs: WARM_UP_MS })
  if (!repeat) {
    const callsPerMs = perSecond ? perSecond / 1000 : warmUp.latenciesMs.length / warmUp.elapsedMs
    taken = take(Math.ceil(callsPerMs * seconds * 1000 * RESERVE))
  }

  const used = watchCpu(pid)
  const durationMs = seconds * 1000
  const next = each(taken, repeat)
  const { latenciesMs, elapsedMs, replyBytes } = perSecond
    ? await pace(client, next, { perSecond, durationMs })
    : await drive(client, next, { inFlight, durationMs })
  const { serverMs, serverCpuShare, generatorCpuShare } = used()

  const calls = latenciesMs.length
  return {
    calls,
    seconds: elapsedMs / 1000,
    callsPerSecond: (calls / elapsedMs) * 1000,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    serverCpuMicrosPerCall: serverMs === null ? null : (serverMs * 1000) / calls,
    ...{ serverCpuShare, generatorCpuShare },
    requestBytes: taken[0].length,
    replyBytes,
  }
}

function each(list, again) {
  let i = 0
  return () => list[again ? i++ % list.length : i++]
}
