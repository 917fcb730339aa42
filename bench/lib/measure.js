import { watchCpu } from './cpu.js'
import { drive } from './drive.js'
import { pace } from './pace.js'
import { quantile } from './statistics.js'

/** Callers are programs of their own, so each has a connection. */
export const CALLERS = 64
/** Fewer connections make them share, as those behind a gateway do. */
const MOST_CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? Number.POSITIVE_INFINITY)
/** The warm-up ends after this many calls, or after this time. */
const WARM_UP_CALLS = 4000
const WARM_UP_MS = 1000
/** Messages are prepared for this multiple of the warm-up's rate. */
const RESERVE = 1.5

/**
 * Measures the cost of calls for `seconds`, after a warm-up: `inFlight` under way, each of a caller of its own, or
 * `perSecond` at a steady pace. `connect` opens a connection to the server, whose `pid` that is. `messages` is an iterator of
 * requests. `repeat`: whether a message may be sent again.
 */
export async function measure(connect, messages, job) {
  const { pid, seconds, repeat, perSecond, inFlight = CALLERS } = job
  const connections = Array.from({ length: Math.min(inFlight, MOST_CONNECTIONS) }, connect)
  const callers = Array.from({ length: inFlight }, (_, i) => connections[i % connections.length])
  const take = (count) => Array.from({ length: count }, () => messages.next().value)
  let taken = take(WARM_UP_CALLS)
  const warmUp = await drive(callers, each(taken, false), { durationMs: WARM_UP_MS })
  if (!repeat) {
    const callsPerMs = perSecond ? perSecond / 1000 : warmUp.latenciesMs.length / warmUp.elapsedMs
    taken = take(Math.ceil(callsPerMs * seconds * 1000 * RESERVE))
  }

  const used = watchCpu(pid)
  const durationMs = seconds * 1000
  const next = each(taken, repeat)
  const { latenciesMs, elapsedMs, replyBytes } = perSecond
    ? await pace(callers, next, { perSecond, durationMs })
    : await drive(callers, next, { durationMs })
  const { serverMs, serverCpuShare, generatorCpuShare } = used()
  for (const connection of connections) {
    connection.close()
  }

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
