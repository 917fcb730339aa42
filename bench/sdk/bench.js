import { startEcho } from '../lib/echo.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { formatTable } from '../lib/table.js'
import { inTurn } from '../lib/turns.js'
import { atMost } from '../lib/verdicts.js'

const LOAD = `${import.meta.dirname}/load.js`

/** CPU of the client for a call: what it may be, and should be. */
const TARGET_MS = 1
const AIM_MS = 0.6
/** Of a Create with an idempotency key, and of its answer. */
const SIZES = { requestBytes: 455, replyBytes: 430 }

/** What `createSession` of the SDK costs its caller, beside a bare grpc-js call of the same sizes. */
export async function benchSdk({ seconds, rounds }, report) {
  const { medians, rounds: all } = await withServers(async (dataDir, start) => {
    const server = await serve(start, dataDir)
    const echoServer = await startEcho(start, [SIZES.replyBytes])
    const load = ({ ports }, job) =>
      runJob(LOAD, { address: `127.0.0.1:${ports.grpc}`, seconds, ...job })
    const loads = {
      echo: () => load(echoServer, { kind: 'echo', ...SIZES }),
      ed25519: () => load(server, { kind: 'createSession', type: 'ed25519' }),
      p256: () => load(server, { kind: 'createSession', type: 'p256' }),
    }
    return inTurn(loads, rounds, report)
  })
  const row = (name, load) => [
    ...[name, load.clientCpuMsPerCall.toFixed(3), load.callsPerSecond.toFixed(0)],
  ]
  return {
    table: formatTable(
      ['one call after the other', 'client CPU ms/call', 'calls/s'],
      [
        row('createSession, Ed25519 owner', medians.ed25519),
        row('createSession, P-256 owner', medians.p256),
        row('  bare grpc-js call of the same sizes', medians.echo),
      ],
    ),
    verdicts: [
      atMost(
        'createSession of the SDK, CPU of the client',
        medians.ed25519.clientCpuMsPerCall,
        TARGET_MS,
        { aim: AIM_MS, unit: ' ms' },
      ),
    ],
    figures: { medians, rounds: all },
  }
}
