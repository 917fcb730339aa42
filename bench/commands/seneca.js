import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast, atMost } from '../lib/verdicts.js'
import { COMMANDS, loadSeneca, NAMES } from './load-command.js'

const WARM_UP_SECONDS = 1
/** The share of the echo's calls a second that commands must reach, and should. */
const TARGETS = { open_session: [0.17, 0.2], get_session_by_id: [0.55, 0.65] }
/** CPU of the server for a page. */
const PAGE_MS = 0.8
const PAGE_AIM_MS = 0.5

const ECHO_SERVER = `${import.meta.dirname}/json-echo-server.js`

/** The commands over Seneca's TCP wire, beside a bare echo of JSON lines of the sizes of open_session. */
export async function benchSeneca(options, report) {
  const { medians, rounds } = await withServers((dataDir, start) =>
    measure(options, report, dataDir, start),
  )
  const { echo, ...commands } = medians
  const pageMs = (commands.get_sessions?.serverCpuMicrosPerCall ?? null) / 1000
  return {
    table: loadTable([
      { name: 'echo of the sizes of open_session', load: echo },
      ...Object.entries(commands).map(([command, load]) => ({
        ...{ name: NAMES[command] ?? command, load, ofReference: ofReference(load, echo) },
      })),
    ]),
    verdicts: [
      ...Object.entries(TARGETS).map(([command, [target, aim]]) =>
        atLeast(
          `${command} over Seneca: of the echo`,
          ofReference(commands[command], echo),
          target,
          { aim },
        ),
      ),
      ...(pageMs > 0
        ? [
            atMost('a page of 100 over Seneca, CPU', pageMs, PAGE_MS, {
              aim: PAGE_AIM_MS,
              unit: ' ms',
            }),
          ]
        : []),
    ],
    figures: { medians, rounds },
  }
}

/** `ratiosAlone`: only the commands that are compared with the echo. */
async function measure({ seconds, rounds, ratiosAlone }, report, dataDir, start) {
  const server = await serve(start, dataDir)
  const load = (command, seconds) => loadSeneca(server, { command, seconds })
  const { replyBytes } = await load('open_session', WARM_UP_SECONDS)

  const echoServer = await start(ECHO_SERVER, [replyBytes])
  const echo = (seconds) =>
    loadSeneca(echoServer, { command: 'open_session', seconds, repeat: true })
  await echo(WARM_UP_SECONDS)

  const commands = ratiosAlone ? Object.keys(TARGETS) : COMMANDS
  const loads = commands.map((command) => [command, () => load(command, seconds)])
  return inTurn({ echo: () => echo(seconds), ...Object.fromEntries(loads) }, rounds, report)
}
