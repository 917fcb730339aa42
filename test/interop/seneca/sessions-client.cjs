// Runs as the client of the original sessions service over Seneca: its package is not published, but all that it
// does is to call `callCommand` of the client here.
//
//   node sessions-client.cjs VERSION tcp|http PORT < calls.json
//
// A call is [command, arguments]; `$N.path` in them stands for a value of the Nth result, and `filter` becomes
// the client's own class for filters, whose values are texts.

const { readFileSync } = require('node:fs')
require('./old-node.cjs')
const { ConfigParams, Descriptor, FilterParams, References } = require('pip-services-commons-node')
const { CommandableSenecaClient, SenecaInstance } = require('pip-services-net-node')

const [version, protocol, port] = process.argv.slice(2)
const calls = JSON.parse(readFileSync(0, 'utf8'))

const seneca = require(`seneca-${version}`)({ strict: { result: false }, log: 'silent' })
const instance = new Descriptor('pip-services-net', 'seneca', 'instance', 'default', '1.0')
const client = new CommandableSenecaClient('sessions')
client.configure(
  ConfigParams.fromTuples(
    ...['connection.protocol', protocol],
    ...['connection.host', '127.0.0.1', 'connection.port', port],
  ),
)
client.setReferences(References.fromTuples(instance, new SenecaInstance(seneca)))

function call([command, { session_id, filter, ...args }], outcomes) {
  const [, at] = /^\$(\d+)\.id$/.exec(session_id) ?? []
  const params = {
    ...args,
    ...(session_id && { session_id: outcomes[at].result.id }),
    ...(filter && { filter: FilterParams.fromValue(filter) }),
  }
  return new Promise((resolve) => {
    client.callCommand(command, null, params, (error, result) => {
      resolve(error ? { error: { message: error.message, code: error.code } } : { result })
    })
  })
}

async function main() {
  client.open(null)
  await new Promise((resolve) => seneca.ready(resolve))
  const outcomes = []
  for (const each of calls) {
    outcomes.push(await call(each, outcomes))
  }
  process.stdout.write(JSON.stringify(outcomes), () => process.exit(0))
}

main()
