import { fileURLToPath } from 'node:url'
import { loadTable, medians } from '../lib/loads.js'
import { runJob, withServers } from '../lib/processes.js'
import { median } from '../lib/statistics.js'

const WARM_UP_SECONDS = 1
/** How much of the echo's calls a second open_session must reach. */
const TARGET = 0.08
const READS = ['get_sessions', 'get_session_by_id']

const file = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * open_session beside a bare echo of the same message sizes, each in turn for `seconds`, and then the
 * reads, once a round.
 */
export async function benchCommands(options, report) {
  const rounds = await withServers((dataDir, start) =>
    measureRounds(options, report, dataDir, start),
  )
  const ofEcho = median(rounds.map((round) => round.ofEcho))
  const summary = Object.fromEntries(
    ['open_session', 'echo', ...READS].map((name) => [name, medians(rounds.map((r) => r[name]))]),
  )
  return {
    table: loadTable([
      { name: 'open_session', load: summary.open_session, ofEcho },
      { name: '  echo of the same sizes', load: summary.echo },
      { name: 'get_sessions, a page of 100', load: summary.get_sessions },
      { name: 'get_session_by_id', load: summary.get_session_by_id },
    ]),
    verdicts: [
      {
        held: ofEcho >= TARGET,
        text: `open_session: ${ofEcho.toFixed(3)} of the echo, at least ${TARGET} wanted`,
      },
    ],
    figures: { summary: { ...summary, ofEcho }, rounds },
  }
}

async function measureRounds({ seconds, rounds }, report, dataDir, start) {
  const server = await start(file('../../dist/cli/main.js'), [
    ...['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--http', 'off'],
    ...['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', '0'],
  ])
  const send = (command, seconds) =>
    load(server, { command, seconds, repeat: command !== 'open_session' })
  const { replyBytes } = await send('open_session', WARM_UP_SECONDS)

  const echoServer = await start(file('echo-server.js'), [replyBytes])
  const loadEcho = (seconds) => load(echoServer, { command: 'open_session', seconds, repeat: true })
  await loadEcho(WARM_UP_SECONDS)

  const measured = []
  for (let round = 1; round <= rounds; round++) {
    const echo = await loadEcho(seconds)
    const opened = await send('open_session', seconds)
    const ofEcho = opened.callsPerSecond / echo.callsPerSecond
    const reads = {}
    for (const command of READS) {
      reads[command] = await send(command, seconds)
    }
    measured.push({ round, ofEcho, echo, open_session: opened, ...reads })
    const rate = ({ callsPerSecond }) => `${callsPerSecond.toFixed(0)}/s`
    report(
      `round ${round}: echo ${rate(echo)}, open_session ${rate(opened)}, ${ofEcho.toFixed(3)}; ` +
        READS.map((command) => `${command} ${rate(reads[command])}`).join(', '),
    )
  }
  return measured
}

function load({ pid, ports }, job) {
  return runJob(file('load.js'), { pid, port: ports.seneca, ...job })
}
