// Runs as a real client of the original sessions service: makes the calls given on standard input, one after the
// other, and prints what each came to.
//
//   node client.cjs CLASS PORT < calls.json
//
// A call is [method, ...arguments], the correlation id first; in it a text `$N.path` stands for a value of the Nth result,
// `{filter: …}` and `{paging: […]}` for the client's own classes of that name.

// The package loads a server, too, for whose HTTP/2 Node 24 has lost a part. None of the clients needs it.
require.cache[require.resolve('spdy')] = { exports: {}, loaded: true }
// What its dependencies have to say of themselves.
process.noDeprecation = true
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'

const { readFileSync } = require('node:fs')
const { ConfigParams, FilterParams, PagingParams } = require('pip-services3-commons-nodex')
const clients = {
  ...require('client-sessions-node'),
  // Its index leaves this one out.
  ...require('client-sessions-node/obj/src/version1/SessionsGrpcClientV1'),
}

const [name, port] = process.argv.slice(2)
const calls = JSON.parse(readFileSync(0, 'utf8'))

function resolved(value, outcomes) {
  if (typeof value === 'string' && /^\$\d+\./.test(value)) {
    const [at, ...path] = value.slice(1).split('.')
    return path.reduce((inner, key) => inner?.[key], outcomes[at].result)
  }
  const { filter, paging } = Array.isArray(value) ? {} : (value ?? {})
  if (filter !== undefined) {
    return FilterParams.fromValue(filter)
  }
  return paging === undefined ? value : new PagingParams(...paging)
}

async function main() {
  const client = new clients[name]()
  client.configure(
    ConfigParams.fromTuples(
      ...['connection.protocol', 'http'],
      ...['connection.host', '127.0.0.1', 'connection.port', port],
      // Its own retry of HTTP calls, which would make one of two.
      ...['options.retries', 0],
    ),
  )
  await client.open(null)
  const outcomes = []
  for (const [method, ...args] of calls) {
    const outcome = await client[method](...args.map((arg) => resolved(arg, outcomes))).then(
      (result = null) => ({ result }),
      ({ name: type, message, code, status, category, correlation_id, details }) => ({
        error: { type, message, code, status, category, correlation_id, details },
      }),
    )
    outcomes.push(outcome)
  }
  process.stdout.write(JSON.stringify(outcomes), () => process.exit(0))
}

main()
