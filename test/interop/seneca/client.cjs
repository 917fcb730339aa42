// Runs as a real Seneca client of one version, with one of its transports: sends the acts given on
// standard input, one after the other, and prints what each callback got.
//
//   node client.cjs VERSION tcp|http PORT [no-host|prior] < acts.json
//
// no-host: it is told no host, as in the older document, whose option has another name. prior: every act passes
// through one of its own, which calls the remote one as its prior.
//
// In an act, a text `$N.path` stands for a value of the Nth result.

const { readFileSync } = require('node:fs')
require('./old-node.cjs')

const [version, type, port, way] = process.argv.slice(2)
const acts = JSON.parse(readFileSync(0, 'utf8'))

const seneca = require(`seneca-${version}`)({
  log: 'silent',
  timeout: 20_000,
  debug: { undead: true },
})

function act(message) {
  return new Promise((resolve) => {
    seneca.act(message, (error, result) => {
      const { message, code, status, details } = error ?? {}
      resolve(error ? { error: { message, code, status, details: texts(details) } } : { result })
    })
  })
}

// Clients add things of their own to the details.
function texts(details) {
  const entries = Object.entries(details ?? {})
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'))
}

function resolved(value, outcomes) {
  if (typeof value === 'string' && /^\$\d+\./.test(value)) {
    const [at, ...path] = value.slice(1).split('.')
    return path.reduce((inner, key) => inner?.[key], outcomes[at].result)
  }
  if (typeof value !== 'object' || value === null) {
    return value
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, resolved(inner, outcomes)])
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

async function main() {
  // Clients of 1.4 and 2.1 never say that they are ready; acts wait until they are.
  const place = way === 'no-host' ? { localhost: 'localhost' } : { host: '127.0.0.1' }
  const pin = way === 'prior' && { pin: 'role:sessions,cmd:*' }
  seneca.client({ type, port: Number(port), ...place, ...pin })
  if (way === 'prior') {
    for (const cmd of new Set(acts.map((message) => message.cmd))) {
      seneca.add({ role: 'sessions', cmd }, function (message, done) {
        this.prior(message, done)
      })
    }
    await new Promise((resolve) => seneca.ready(resolve))
  }
  const outcomes = []
  for (const message of acts) {
    outcomes.push(await act(resolved(message, outcomes)))
  }
  process.stdout.write(JSON.stringify(outcomes), () => process.exit(0))
}

main()
