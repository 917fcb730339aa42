import { echoPath, startEcho } from '../lib/echo.js'
import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atMost } from '../lib/verdicts.js'
import { COMMANDS, loadGrpc, NAMES } from './load-command.js'

const WARM_UP_SECONDS = 1
/** CPU of the server for a call: what it may be, and should be. */
const TARGETS_MS = { get_sessions: [0.7, 0.5], open_session: [0.22, 0.17] }

/** The commands over gRPC, each beside a bare echo of the same message sizes. */
export async function benchGrpc({ seconds, rounds }, report) {
  const { medians, rounds: all } = await withServers(async (dataDir, start) => {
    const server = await serve(start, dataDir)
    const replyBytes = {}
    for (const command of COMMANDS) {
      const warm = await loadGrpc(server, { command, seconds: WARM_UP_SECONDS })
      replyBytes[command] = warm.replyBytes
    }
    const echoServer = await startEcho(start, Object.values(replyBytes))
    // Asks for sessions, which the echo has none of, at the server.
    const echoed = { ...echoServer, ports: { ...server.ports, grpc: echoServer.ports.grpc } }
    const loads = COMMANDS.flatMap((command) => {
      const path = echoPath(replyBytes[command])
      return [
        [`echo: ${command}`, () => loadGrpc(echoed, { command, path, seconds, repeat: true })],
        [command, () => loadGrpc(server, { command, seconds })],
      ]
    })
    return inTurn(Object.fromEntries(loads), rounds, report)
  })
  return {
    table: loadTable(
      COMMANDS.flatMap((command) => {
        const [load, echo] = [medians[command], medians[`echo: ${command}`]]
        return [
          { name: NAMES[command] ?? command, load, ofReference: ofReference(load, echo) },
          { name: '  echo of the same sizes', load: echo },
        ]
      }),
    ),
    verdicts: Object.entries(TARGETS_MS)
      .filter(([command]) => medians[command].serverCpuMicrosPerCall !== null)
      .map(([command, [target, aim]]) => {
        const ms = medians[command].serverCpuMicrosPerCall / 1000
        return atMost(`${NAMES[command] ?? command} over gRPC, CPU`, ms, target, {
          aim,
          unit: ' ms',
        })
      }),
    figures: { medians, rounds: all },
  }
}
