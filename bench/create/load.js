import { measure } from '../lib/measure.js'
import { UnaryClient } from '../lib/unary-client.js'
import { shapes } from './requests.js'

/*
 * The load generator: `node load.js JOB`. JOB is JSON with `port`, `path` and `pid` of a server, the
 * `shape` of the requests, `repeat`: whether a request may be sent again, and what else `measure` takes.
 */

const MOST_ON_ONE_CONNECTION = 64

const { port, path, shape, ...load } = JSON.parse(process.argv[2])
const connections = Math.ceil((load.inFlight ?? 1) / MOST_ON_ONE_CONNECTION)
const clients = Array.from({ length: connections }, () => new UnaryClient(port, path))
let calls = 0
const client = {
  call: (message, onReply) => clients[calls++ % connections].call(message, onReply),
  set onError(onError) {
    for (const each of clients) {
      each.onError = onError
    }
  },
}
const figures = await measure(client, shapes[shape](), load)
for (const each of clients) {
  each.close()
}
console.log(JSON.stringify(figures))
