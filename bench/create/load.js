import { measure } from '../lib/measure.js'
import { UnaryClient } from '../lib/unary-client.js'
import { shapes } from './requests.js'

/*
 * The load generator: `node load.js JOB`. JOB is JSON with `port`, `path` and `pid` of a server, the
 * `shape` of the requests, `seconds`, and `repeat`: whether a request may be sent again.
 */

const { port, path, shape, ...load } = JSON.parse(process.argv[2])
const client = new UnaryClient(port, path)
const figures = await measure(client, shapes[shape](), load)
client.close()
console.log(JSON.stringify(figures))
