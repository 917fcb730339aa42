import { randomBytes } from 'node:crypto'
import { openBare } from '../lib/level.js'
import { measure } from '../lib/measure.js'
import { groupCommit } from './group-commit.js'

/*
 * What a sync to this disk takes at a steady pace, without a server: `node synced-batch.js JOB`. JOB is JSON with a new
 * `directory`, and with `seconds` and `perSecond` as `measure` takes them. A call writes as many rows as a Create.
 */

/** Key and value, of the mean sizes that bench/level counts. */
const ROWS = 6
const [KEY_BYTES, VALUE_BYTES] = [48, 66]

const { directory, ...job } = JSON.parse(process.argv[2])
const level = openBare(directory)
await level.open()
const write = groupCommit(level)
const client = {
  call: (rows, onReply) => write(rows).then(() => onReply(0), client.onError),
  close() {},
}
const figures = await measure(() => client, rowsOfCalls(), { pid: process.pid, ...job })
console.log(JSON.stringify(figures))
await level.close()

function* rowsOfCalls() {
  for (;;) {
    yield Array.from({ length: ROWS }, () => [randomBytes(KEY_BYTES), randomBytes(VALUE_BYTES)])
  }
}
