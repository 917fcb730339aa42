import { measure } from '../lib/measure.js'
import { UnaryClients } from '../lib/unary-client.js'
import { shapes } from './requests.js'

/*
 * The load generator: `node load.js JOB`. JOB is JSON with `port`, `path` and `pid` of a server, the
 * `shape` of the requests, `repeat`: whether a request may be sent again, and what else `measure` takes.
 */

const MOST_ON_ONE_CONNECTION = 64

const { port, path, shape, ...load } = JSON.parse(process.argv[2])
const connections = Math.ceil((load.inFlight ?? 1) / MOST_ON_ONE_CONNECTION)
const client = new UnaryClients(port, path, connections)
const figures = await measure(client, shapes[shape](), load)
client.close()
console.log(JSON.stringify(figures))
