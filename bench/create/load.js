import { measure } from '../lib/measure.js'
import { UnaryClient } from '../lib/unary-client.js'
import { shapes } from './requests.js'

/*
 * The load generator: `node load.js JOB`. JOB is JSON with `port`, `path` and `pid` of a server, the
 * `shape` of the requests, `repeat`: whether a request may be sent again, and what else `measure` takes.
 */

const { port, path, shape, ...load } = JSON.parse(process.argv[2])
const figures = await measure(() => new UnaryClient(port, path), shapes[shape](), load)
console.log(JSON.stringify(figures))
