import { echoPath, startEcho } from '../lib/echo.js'
import { loadTable } from '../lib/loads.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { formatTable } from '../lib/table.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast } from '../lib/verdicts.js'

/** Checks a second on one core. */
const TARGETS = { new: 5_000, seen: 200_000 }
const NAMES = {
  new: 'a token that was never seen',
  seen: 'a token seen before',
  proved: 'a token seen before, with a proof',
  'new P-256': 'a P-256 owner’s token that was never seen',
}

/** The share of the echo's calls a second that each call must reach. */
const CALL_TARGETS = { Introspect: 0.4, Sign: 0.3 }
const CALL_NAMES = { Introspect: 'Introspect by id', Sign: 'Sign of 1 KB' }
const WARM_UP_SECONDS = 1

/** What it costs to check session tokens without a server, and the calls of `sessiond.v1.Tokens` beside a bare echo. */
export async function benchTokens(options, report) {
  const checks = await measureChecks(options, report)
  const calls = await withServers((dataDir, start) => measureCalls(options, report, dataDir, start))
  const ofEcho = (kind) => ofReference(calls.medians[kind], calls.medians[`echo: ${kind}`])
  const kinds = Object.keys(CALL_TARGETS)
  return {
    table: `${checksTable(checks.medians)}\n\n${loadTable(
      kinds.flatMap((kind) => [
        { name: CALL_NAMES[kind], load: calls.medians[kind], ofReference: ofEcho(kind) },
        { name: '  echo of the same sizes', load: calls.medians[`echo: ${kind}`] },
      ]),
    )}`,
    verdicts: [
      ...Object.entries(TARGETS).map(([kind, target]) => {
        const perSecond = 1e6 / checks.medians[kind].cpuMicrosPerCheck
        return atLeast(`checks of ${NAMES[kind]}, a second of one core`, perSecond, target)
      }),
      ...kinds.map((kind) =>
        atLeast(`${CALL_NAMES[kind]}: of the echo`, ofEcho(kind), CALL_TARGETS[kind]),
      ),
    ],
    figures: { checks, calls },
  }
}

function measureChecks({ seconds, rounds }, report) {
  const loads = Object.fromEntries(
    Object.keys(NAMES).map((kind) => [
      kind,
      () => runJob(`${import.meta.dirname}/load.js`, { kind, seconds }),
    ]),
  )
  return inTurn(loads, rounds, report)
}

function checksTable(medians) {
  return formatTable(
    ['checkToken on one core', 'checks/s', 'CPU µs/check'],
    Object.entries(NAMES).map(([kind, name]) => [
      name,
      medians[kind].callsPerSecond.toFixed(0),
      medians[kind].cpuMicrosPerCheck.toFixed(1),
    ]),
  )
}

async function measureCalls({ seconds, rounds }, report, dataDir, start) {
  const server = await serve(start, dataDir)
  const load = ({ pid, ports }, kind, job) =>
    runJob(`${import.meta.dirname}/calls.js`, {
      pid,
      port: ports.grpc,
      kind,
      sessionsPort: server.ports.grpc,
      ...job,
    })
  const call = (kind, job) => load(server, kind, { path: `/sessiond.v1.Tokens/${kind}`, ...job })
  const replyBytes = {}
  for (const kind of Object.keys(CALL_TARGETS)) {
    replyBytes[kind] = (await call(kind, { seconds: WARM_UP_SECONDS })).replyBytes
  }
  const echo = await startEcho(start, Object.values(replyBytes))
  const loads = Object.keys(CALL_TARGETS).flatMap((kind) => {
    const path = echoPath(replyBytes[kind])
    return [
      [`echo: ${kind}`, () => load(echo, kind, { path, seconds })],
      [kind, () => call(kind, { seconds })],
    ]
  })
  return inTurn(Object.fromEntries(loads), rounds, report)
}
