import { fileURLToPath } from 'node:url'
import { runJob, withServers } from '../lib/processes.js'
import { shapes } from './requests.js'
import { summarize, summaryTable, verdicts } from './summary.js'

const WARM_UP_SECONDS = 1

const file = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Compares Create with a bare echo of the same message sizes. They run in turns of `seconds`; each round has
 * every shape once.
 */
export async function benchCreate(options, report) {
  const pairs = await withServers((dataDir, start) => measurePairs(options, report, dataDir, start))
  const summary = summarize(pairs)
  return { table: summaryTable(summary), verdicts: verdicts(summary), figures: { summary, pairs } }
}

async function measurePairs({ seconds, rounds }, report, dataDir, start) {
  const createServer = await start(file('../../dist/cli/main.js'), [
    ...[
      'serve',
      '--data-dir',
      dataDir,
      '--grpc',
      '127.0.0.1:0',
      '--seneca',
      'off',
      '--http',
      'off',
    ],
    ...['--max-sessions-per-owner', '0'],
  ])
  const loadCreate = (shape, seconds) =>
    load(createServer, { path: '/session.Session/Create', shape, seconds, repeat: false })

  const replyBytes = {}
  for (const shape of Object.keys(shapes)) {
    replyBytes[shape] = (await loadCreate(shape, WARM_UP_SECONDS)).replyBytes
  }
  const echoServer = await start(file('../lib/echo-server.js'), Object.values(replyBytes))
  const loadEcho = (shape, seconds) => {
    const path = `/bench.Echo/Reply${replyBytes[shape]}`
    return load(echoServer, { path, shape, seconds, repeat: true })
  }
  for (const shape of Object.keys(shapes)) {
    await loadEcho(shape, WARM_UP_SECONDS)
  }

  const pairs = []
  for (let round = 1; round <= rounds; round++) {
    for (const shape of Object.keys(shapes)) {
      const echo = await loadEcho(shape, seconds)
      const create = await loadCreate(shape, seconds)
      const ofEcho = create.callsPerSecond / echo.callsPerSecond
      const rate = ({ callsPerSecond }) => `${callsPerSecond.toFixed(0)}/s`
      pairs.push({ round, shape, ofEcho, echo, create })
      report(
        `round ${round}, ${shape}: echo ${rate(echo)}, Create ${rate(create)}, ${ofEcho.toFixed(3)}`,
      )
    }
  }
  return pairs
}

function load({ pid, ports }, job) {
  return runJob(file('load.js'), { pid, port: ports.grpc, ...job })
}
