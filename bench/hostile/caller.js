import { shapes } from '../create/requests.js'
import { drive } from '../lib/drive.js'
import { quantile } from '../lib/statistics.js'
import { UnaryClient } from '../lib/unary-client.js'

/*
 * The good caller: `node caller.js JOB`, where JOB is JSON with `port` and `seconds`. Four Creates
 * under way on one connection, so that the server is not kept busy by them alone.
 */

const IN_FLIGHT = 4

const { port, seconds } = JSON.parse(process.argv[2])
const client = new UnaryClient(port, '/session.Session/Create')
// Of a new owner each: none comes to the most sessions that one may have.
const messages = shapes['a new owner each']()
const { latenciesMs } = await drive(Array(IN_FLIGHT).fill(client), () => messages.next().value, {
  durationMs: 1000 * seconds,
})
client.close()
console.log(
  JSON.stringify({
    calls: latenciesMs.length,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  }),
)
