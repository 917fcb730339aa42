import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchCommands } from './commands/bench.js'
import { benchCreate } from './create/bench.js'
import { benchFeed } from './feed/bench.js'
import { benchHostile } from './hostile/bench.js'
import { benchStore } from './store/bench.js'

/** Each returns a `table`, `figures` to store, and `verdicts`: for each target its `text`, and whether it was `held`. */
const BENCHES = {
  create: benchCreate,
  commands: benchCommands,
  store: benchStore,
  feed: benchFeed,
  hostile: benchHostile,
}

const HELP = `node bench/run.js [--seconds N] [--rounds N] [create] [commands] [store] [feed] [hostile]

Runs the named benches, or all. Prints the medians of the rounds and writes everything to bench/results/.
Exits with 1 if a target is missed.

  create    the cost of Create, compared with a bare grpc-js echo of the same message sizes: 64 calls under
            way, every request signed, every answer on disk
  commands  the same for open_session over Seneca's TCP wire, compared with a bare echo of JSON lines;
            and the reads get_sessions and get_session_by_id
  store     the cost of a million sessions: restart, memory, and the first page compared with that of a
            store of ten thousand
  feed      the session list with a thousand viewers: delay of changes and memory over a minute
            (20 times --seconds), messages per second at saturation compared with a bare ws server, and the
            time until a new viewer has ten thousand sessions
  hostile   Create for a good caller, alone and beside attacks from another address: half-open and idle
            connections, senders of a byte a second, floods of pings, settings, resets and bad signatures,
            and strangers who take no answers, ask for much work or watch in silence

  --seconds N  length of each measurement (default 3)
  --rounds N   number of measurements of each kind (default 3)
`

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const options = { seconds: Number(values.seconds), rounds: Number(values.rounds) }
if (!(options.seconds > 0) || !(options.rounds >= 1)) {
  console.error('--seconds and --rounds take positive numbers')
  process.exit(2)
}
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
if (unknown.length > 0) {
  console.error(
    `no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`,
  )
  process.exit(2)
}

const startedAt = new Date().toISOString()
const results = {}
for (const name of names) {
  const { table, verdicts, figures } = await BENCHES[name](options, (line) => console.error(line))
  results[name] = { verdicts, ...figures }
  console.log(`\n${table}\n`)
  for (const { held, text } of verdicts) {
    console.log(`${held ? 'held' : 'MISSED'}: ${text}`)
  }
}

const machine = {
  node: process.version,
  platform: process.platform,
  cpus: cpus().map((c) => c.model),
}
const directory = new URL('results/', import.meta.url)
const file = new URL(`${startedAt.replaceAll(':', '-')}.json`, directory)
await mkdir(directory, { recursive: true })
await writeFile(file, `${JSON.stringify({ startedAt, machine, options, ...results }, null, 2)}\n`)
console.log(`\nall figures: ${relative('.', fileURLToPath(file))}`)
const held = Object.values(results).every(({ verdicts }) => verdicts.every(({ held }) => held))
process.exitCode = held ? 0 : 1
