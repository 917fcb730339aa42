import { NEW_OWNERS, shapes } from '../create/requests.js'
import { drive } from '../lib/drive.js'
import { anonymousBytes } from '../lib/memory.js'
import { UnaryClient } from '../lib/unary-client.js'

/*
 * Sends Creates of a new owner each: `node fill.js JOB`. JOB is JSON with the `port` and `pid` of a server and the
 * `count`. Prints how many seconds it took.
 */

const IN_FLIGHT = 64
const PROGRESS_EVERY = 100_000

const { port, pid, count } = JSON.parse(process.argv[2])
const client = new UnaryClient(port, '/session.Session/Create')
const messages = shapes[NEW_OWNERS]()
const startMs = performance.now()
const elapsedSeconds = () => (performance.now() - startMs) / 1000
// In parts, since the client keeps the time of each call.
for (let sent = 0; sent < count; sent += PROGRESS_EVERY) {
  let left = Math.min(PROGRESS_EVERY, count - sent)
  await drive(client, () => (left-- > 0 ? messages.next().value : undefined), {
    inFlight: IN_FLIGHT,
  })
  const mb = (anonymousBytes(pid) ?? Number.NaN) / 1e6
  console.error(
    `${Math.min(sent + PROGRESS_EVERY, count)} Creates after ${elapsedSeconds().toFixed(0)} s; ${mb.toFixed(0)} MB`,
  )
}
client.close()
console.log(JSON.stringify({ seconds: elapsedSeconds() }))
