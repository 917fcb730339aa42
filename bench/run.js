import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchBridge } from './commands/bridge.js'
import { benchGrpc } from './commands/grpc.js'
import { benchSeneca } from './commands/seneca.js'
import { benchCreate } from './create/bench.js'
import { benchConcurrency } from './create/concurrency.js'
import { benchPace } from './create/pace.js'
import { benchFeed } from './feed/bench.js'
import { benchSaturation } from './feed/saturation.js'
import { benchHostile } from './hostile/bench.js'
import { benchLevel } from './level/bench.js'
import { benchSdk } from './sdk/bench.js'
import { benchSearch } from './search/bench.js'
import { benchStore } from './store/bench.js'
import { MOST_SESSIONS } from './store/sessions.js'
import { benchTokens } from './tokens/bench.js'
import { benchValkey } from './valkey/bench.js'
import { benchValkeyPages } from './valkey/pages.js'
import { benchWatch } from './watch/bench.js'

/**
 * By name: the function, and what the help says of it. It gets the options and a function that shows a line of progress,
 * and returns a `table`, `verdicts` (lib/verdicts.js), `figures` to store, and perhaps `plots` (report/plot.js).
 * `isByName`: it runs only where it is named.
 */
const BENCHES = {
  create: {
    run: benchCreate,
    about: [
      'Create, compared with a bare grpc-js echo of the same message sizes and with a prototype of its',
      'bare path: 64 callers, every request signed, every answer on disk; P-256 owners',
      'compared with Ed25519',
    ],
  },
  sdk: {
    run: benchSdk,
    about: ['createSession of the SDK: CPU of the client'],
  },
  tokens: {
    run: benchTokens,
    about: [
      'checks of session tokens without a server; Introspect and Sign, compared with a bare grpc-js echo',
    ],
  },
  seneca: {
    run: benchSeneca,
    about: ["the commands over Seneca's TCP wire, compared with a bare echo of JSON lines"],
  },
  grpc: {
    run: benchGrpc,
    about: ['the commands over gRPC, compared with a bare grpc-js echo of the same message sizes'],
  },
  bridge: {
    run: benchBridge,
    about: ['open_session through sessiond bridge, compared with the server itself'],
  },
  saturation: {
    run: benchSaturation,
    about: [
      'messages per second of the session list with a thousand viewers, compared with a bare ws server',
    ],
  },
  pace: {
    run: benchPace,
    about: [
      'p99 of Create at half of its highest rate, compared with the echo at the same rate, and with what',
      "of it is the disk's",
    ],
  },
  concurrency: {
    run: benchConcurrency,
    about: ['throughput and p99 of Create and of the echo, with 1 to 256 calls under way'],
  },
  level: {
    run: benchLevel,
    about: ['operations of the store, compared with bare level'],
  },
  store: {
    run: benchStore,
    about: [
      'stores of --count sessions, a tenth and a hundredth of that: restart, memory, pages, Create and',
      'the commands, and the memory after many more Creates',
    ],
  },
  search: {
    run: benchSearch,
    about: [
      "an operator's searches in a store of --count sessions: CPU of a first page by user, address, client",
      'or text, and a search to the end with small calls beside it',
    ],
  },
  feed: {
    run: benchFeed,
    about: [
      'the session list with a thousand viewers: delay of changes and memory over a minute',
      '(20 times --seconds), and the time until a new viewer has ten thousand sessions',
    ],
  },
  watch: {
    run: benchWatch,
    about: [
      'the endings of sessions with a thousand watchers: delay at 500 endings a second (10 times --seconds)',
    ],
  },
  hostile: {
    run: benchHostile,
    about: [
      'Create for a good caller, alone and beside attacks from another address: half-open and idle',
      'connections, senders of a byte a second, floods of pings, settings, resets and bad signatures,',
      'and strangers who take no answers, ask for much work or watch in silence',
    ],
  },
  valkey: {
    run: benchValkey,
    about: [
      'Create and open_session on a Valkey master with a replica: CPU of every process, compared with LevelDB',
      'and with a prototype of an insert as one function; the indexes of a shard of a billion sessions',
    ],
  },
  'valkey-pages': {
    run: benchValkeyPages,
    isByName: true,
    about: [
      'first pages of all through a server on Valkey with --count sessions, and with a hundredth of that',
      '(only where it is named)',
    ],
  },
}

const HELP = `node bench/run.js [--seconds N] [--rounds N] [--count N] [NAME...]

Runs the named benches, or all but those that say so. Prints the medians of the rounds and writes everything to
bench/results/. Exits with 1 if a target is missed or a bench fails.

${Object.entries(BENCHES)
  .flatMap(([name, { about }]) =>
    about.map((line, i) => `  ${(i > 0 ? '' : name).padEnd(13)}${line}`),
  )
  .join('\n')}

  --seconds N  length of each measurement (default 3)
  --rounds N   number of measurements of each kind (default 3)
  --count N    sessions of the largest store, a multiple of 10000 (default 1000000)

Calls come from 64 callers, each with a connection of its own. BENCH_CONNECTIONS=N makes them share N connections.

Two more run by themselves: node bench/envelope/read.js, what it costs to read a request, and
node bench/hostile/connections.js, what it costs to accept a connection.
`

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    count: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const [seconds, rounds, count] = [values.seconds, values.rounds, values.count].map(Number)
const isCount = count >= 10_000 && count % 10_000 === 0 && count < MOST_SESSIONS
if (!(seconds > 0 && rounds >= 1 && isCount)) {
  console.error(
    `--seconds and --rounds take positive numbers, --count a multiple of 10000 below ${MOST_SESSIONS}`,
  )
  process.exit(2)
}
const byDefault = Object.keys(BENCHES).filter((name) => !BENCHES[name].isByName)
const names = positionals.length > 0 ? positionals : byDefault
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
if (unknown.length > 0) {
  console.error(
    `no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`,
  )
  process.exit(2)
}

const startedAt = new Date().toISOString()
const machine = {
  node: process.version,
  platform: process.platform,
  cpus: cpus().map((c) => c.model),
}
const directory = new URL('results/', import.meta.url)
const file = new URL(`${startedAt.replaceAll(':', '-')}.json`, directory)
await mkdir(directory, { recursive: true })

const benches = {}
for (const name of names) {
  const startMs = performance.now()
  console.error(`${name}:`)
  try {
    const result = await BENCHES[name].run({ seconds, rounds, count }, (line) =>
      console.error(`  ${line}`),
    )
    benches[name] = { startedAt, seconds, rounds, ...result }
    console.log(`\n${result.table}\n`)
    for (const { held, text } of result.verdicts) {
      console.log(`${held ? 'held' : 'MISSED'}: ${text}`)
      process.exitCode ||= held ? 0 : 1
    }
  } catch (error) {
    console.error(`${name} failed:`, error)
    process.exitCode = 1
  }
  console.error(`${name} took ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  // After each, so that a later one takes nothing with it.
  await writeFile(file, `${JSON.stringify({ machine, benches }, null, 2)}\n`)
}
console.log(`\nall figures: ${relative('.', fileURLToPath(file))}`)
