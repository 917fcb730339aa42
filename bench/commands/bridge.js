import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { MAIN, serve } from '../lib/serve.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast } from '../lib/verdicts.js'
import { loadSeneca } from './load-command.js'

const WARM_UP_SECONDS = 1
/** The share of direct calls a second that those through a bridge must reach, and should. */
const TARGET = 0.3
const AIM = 0.4

/** open_session through `sessiond bridge`, beside open_session at the server itself, on the same machine. */
export async function benchBridge({ seconds, rounds }, report) {
  const { medians, rounds: all } = await withServers(async (dataDir, start) => {
    const server = await serve(start, dataDir)
    const bridge = await start(MAIN, [
      ...['bridge', '--server', `127.0.0.1:${server.ports.grpc}`, '--seneca', 'tcp://127.0.0.1:0'],
    ])
    const open = (process, seconds) => loadSeneca(process, { command: 'open_session', seconds })
    await open(server, WARM_UP_SECONDS)
    await open(bridge, WARM_UP_SECONDS)
    const loads = { direct: () => open(server, seconds), bridge: () => open(bridge, seconds) }
    return inTurn(loads, rounds, report)
  })
  const { bridge, direct } = medians
  const ratio = ofReference(bridge, direct)
  return {
    table: loadTable([
      { name: 'open_session through a bridge', load: bridge, ofReference: ratio },
      { name: '  at the server itself', load: direct },
    ]),
    verdicts: [atLeast('open_session through a bridge: of direct', ratio, TARGET, { aim: AIM })],
    figures: { medians, rounds: all },
  }
}
