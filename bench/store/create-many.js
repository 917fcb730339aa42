import { NEW_OWNERS, shapes } from '../create/requests.js'
import { drive } from '../lib/drive.js'
import { CALLERS } from '../lib/measure.js'
import { anonymousBytes } from '../lib/memory.js'
import { UnaryClient } from '../lib/unary-client.js'

/*
 * Sends Creates of a new owner each: `node create-many.js JOB`. JOB is JSON with the `port` and `pid` of a server and the
 * `count`. Prints how many seconds it took, and the memory of the server after each tenth.
 */

const PARTS = 10

const { port, pid, count } = JSON.parse(process.argv[2])
const path = '/session.Session/Create'
const callers = Array.from({ length: CALLERS }, () => new UnaryClient(port, path))
const startMs = performance.now()
const anonymous = []
// In parts, since the client keeps the time of each call, and requests are of the time when their iterator began.
for (let part = 0; part < PARTS; part++) {
  const messages = shapes[NEW_OWNERS]()
  let left = count / PARTS
  await drive(callers, () => (left-- > 0 ? messages.next().value : undefined))
  anonymous.push(anonymousBytes(pid))
}
for (const caller of callers) {
  caller.close()
}
const seconds = (performance.now() - startMs) / 1000
console.log(JSON.stringify({ count, seconds, anonymousBytes: anonymous }))
