import { randomUUID } from 'node:crypto'
import { Database } from '../../dist/stores/level/database.js'
import { LevelStore } from '../../dist/stores/level/store.js'
import { bytesOnDisk } from '../lib/disk.js'
import { openBare } from '../lib/level.js'
import { EPOCHS, makeUsers, sessionAt } from '../store/sessions.js'

/*
 * What the rows of a token session cost: `node rows.js JOB`. JOB is JSON with a new `directory`. Prints for each kind of
 * row how many a session has, its bytes, and the CPU to write it; and the bytes of a session on disk.
 */

const SESSIONS = 20_000
const AT_ONCE = 250
/** What the SDK says it is. */
const CLIENT = 'grpc-node-js/1.14.7'
/** By the first byte of the key: src/stores/level/layout/keys.ts. */
const KINDS = {
  s: 'the record',
  k: 'the sealed private key',
  t: 'in the list of all sessions',
  u: 'in the list of its user',
  i: 'the idempotency entry',
  x: 'deadlines',
}

const { directory } = JSON.parse(process.argv[2])
const location = `${directory}/store`

const users = makeUsers(2 * SESSIONS)
const store = await LevelStore.open(location, { epochs: EPOCHS })
const nowMs = Date.now()
let i = 0
await Promise.all(Array.from({ length: AT_ONCE }, insertTokens))
await store.close()

const level = openBare(location)
const all = await level.iterator().all()
await level.close()
const database = new Database(location)
await database.open()
const write = (marks) => database.commit(marks, false)
await database.compact({ gte: Buffer.of(0), lt: Buffer.of(255) }, write)
await database.close()

const bare = openBare(`${directory}/rows`)
await bare.open()
const rows = []
for (const [letter, kind] of Object.entries(KINDS)) {
  const own = all.filter(([key]) => key[0] === letter.charCodeAt(0))
  const mean = (part) => own.reduce((sum, row) => sum + row[part].length, 0) / own.length
  rows.push({
    ...{ kind, perSession: own.length / SESSIONS, keyBytes: mean(0), valueBytes: mean(1) },
    cpuMicros: await cpuMicrosToWrite(own),
  })
}
await bare.close()
console.log(JSON.stringify({ rows, bytesOnDisk: (await bytesOnDisk(location)) / SESSIONS }))

/** Open token sessions, each with an idempotency key. */
async function insertTokens() {
  while (i < 2 * SESSIONS) {
    const { scope, decision } = sessionAt(i++, 2 * SESSIONS, users, nowMs)
    const { session, idempotency } = decision.insert
    if (session.token !== null) {
      // Random ids and keys, as servers and clients make them, do not compress.
      const open = { ...session, id: randomUUID(), client: CLIENT, active: true, closeTimeMs: null }
      const keyed = { ...scope, idempotency: { ...scope.idempotency, key: randomUUID() } }
      const sweepAtMs = idempotency.expiresTimeMs
      await store.insert(keyed, () => ({
        insert: { ...decision.insert, session: open, sweepAtMs },
      }))
    }
  }
}

async function cpuMicrosToWrite(own) {
  const startCpu = process.cpuUsage()
  for (let start = 0; start < own.length; start += AT_ONCE) {
    const some = own.slice(start, start + AT_ONCE)
    await bare.batch(some.map(([key, value]) => ({ type: 'put', key, value })))
  }
  const { user, system } = process.cpuUsage(startCpu)
  return (user + system) / own.length
}
