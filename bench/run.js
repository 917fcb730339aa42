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

Runs the benches named, or all. Prints the medians of the rounds, writes everything to bench/results/,
and exits with 1 where a target is missed.

  create    what a Create costs, beside a bare grpc-js echo of the same message sizes: 64 calls in
            flight, every request signed on its own, every answer on disk
  commands  the same for open_session over Seneca's TCP wire, beside a bare echo of lines of JSON;
            and the reads get_sessions and get_session_by_id
  store     what a million sessions cost: restart, memory, and the first page beside that of a store
            of ten thousand
  feed      the session list with a thousand viewers: how long changes take to reach them and what
            memory does over a minute (20 times --seconds), messages a second at saturation beside a
            bare ws server, and how soon a new viewer has ten thousand sessions
  hostile   a good caller's Create, quiet and beside half-open and idle connections, senders of a byte a
            second, floods of pings, settings, resets and bad signatures, and strangers who take no
            answers, ask for much work or watch in silence, all from another address

  --seconds N  how long each measurement of a load takes (default 3)
  --rounds N   how often each is made (default 3)
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
