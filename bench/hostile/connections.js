import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { HELLO } from '../../test/support/http2-frames.mjs'
import { cpuTimeMs } from '../lib/cpu.js'
import { withServers } from '../lib/processes.js'
import { MAIN } from '../lib/serve.js'
import { median } from '../lib/statistics.js'
import { formatTable } from '../lib/table.js'

/*
 * What a connection costs that says hello and nothing more: `node bench/hostile/connections.js`. CPU of the server until
 * it is open, CPU until it is closed again, and CPU of this process for both. CPU time can be compared on a machine
 * that does other things too.
 */

const CONNECTIONS = 4000
const ROUNDS = 3
/** So many are on their way at once. */
const AT_ONCE = 20
const SETTLED_MS = 2000
const BARE = `${import.meta.dirname}/bare-server.js`
const KINDS = ['tcp', 'http2', 'grpc-js', 'sessiond']

let measurements = 0
const rounds = await withServers(async (directory, start) => {
  const measured = []
  for (let round = 1; round <= ROUNDS; round++) {
    for (const kind of KINDS) {
      const server = await (kind === 'sessiond'
        ? start(MAIN, [
            ...['serve', '--data-dir', `${directory}/${round}`, '--grpc', '127.0.0.1:0'],
            // None is to be ended meanwhile.
            ...['--seneca', 'off', '--http', 'off', '--header-timeout', '1h'],
          ])
        : start(BARE, [kind]))
      measured.push({ kind, ...(await measure(server, kind)) })
      console.error(`round ${round}, ${kind}`)
      await server.stop()
    }
  }
  return measured
})
console.log(
  formatTable(
    ['CPU a connection, µs', 'server: open', 'close', 'client'],
    KINDS.map((kind) => {
      const of = (name) => median(rounds.filter((run) => run.kind === kind).map((run) => run[name]))
      return [kind, ...['open', 'close', 'client'].map((name) => of(name).toFixed(0))]
    }),
  ),
)

async function measure({ pid, ports }, kind) {
  // An address of its own: to find a free port among those that were used is costly.
  const localAddress = `127.0.1.${++measurements}`
  const usOf = (ms) => (1000 * ms) / CONNECTIONS
  // What a start leaves to be done is no connection's.
  await sleep(SETTLED_MS)
  const began = process.cpuUsage()
  const before = cpuTimeMs(pid)
  const sockets = []
  while (sockets.length < CONNECTIONS) {
    const some = Array.from({ length: AT_ONCE }, () =>
      connect({ host: '127.0.0.1', port: ports.grpc, localAddress }),
    )
    for (const socket of some) {
      socket.on('error', () => {}).resume()
      socket.write(HELLO)
    }
    // Whoever speaks HTTP/2 says hello too.
    await Promise.all(some.map((socket) => once(socket, kind === 'tcp' ? 'connect' : 'data')))
    sockets.push(...some)
  }
  const open = cpuTimeMs(pid)
  for (const socket of sockets) {
    socket.destroy()
  }
  await sleep(SETTLED_MS)
  const { user, system } = process.cpuUsage(began)
  return {
    open: usOf(open - before),
    close: usOf(cpuTimeMs(pid) - open),
    client: usOf((user + system) / 1000),
  }
}
