import { actLines, ID_LENGTH } from '../lib/acts.js'
import { measure } from '../lib/measure.js'
import { NdjsonClient } from '../lib/ndjson-client.js'
import { UnaryClient } from '../lib/unary-client.js'
import { acts } from './acts.js'
import { encoders } from './messages.js'

/*
 * The load generator: `node load.js JOB`. JOB is JSON with the `ports` and `pid` of a server, the `command` to send,
 * by gRPC if there is a `path`, or else over Seneca's TCP wire, and what else `measure` takes.
 */

const { ports, path, command, ...load } = JSON.parse(process.argv[2])
const actAt = await acts[command](ports.seneca)
const [connect, messages] =
  path === undefined
    ? [() => new NdjsonClient(ports.seneca, { idLength: ID_LENGTH }), actLines(actAt)]
    : [() => new UnaryClient(ports.grpc, path), encoded(encoders[command])]
const repeat = command !== 'open_session'
const figures = await measure(connect, messages, { repeat, ...load })
console.log(JSON.stringify(figures))

function* encoded(encode) {
  for (let i = 0; ; i++) {
    yield encode(actAt(i)).finish()
  }
}
