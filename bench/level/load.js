import { randomBytes } from 'node:crypto'
import { LevelStore } from '../../dist/stores/level/store.js'
import { openBare } from '../lib/level.js'
import { EPOCHS, makeUsers, sessionAt } from '../store/sessions.js'

/*
 * Operations of the store, and the same with bare `level`: `node load.js JOB`. JOB is JSON with a new `directory` and
 * `seconds` for each operation. Prints for each how many there were a second, and the CPU of one.
 */

const SESSIONS = 10_000
const AT_ONCE = 64
const PAGE = 100

const { directory, seconds } = JSON.parse(process.argv[2])
const results = {}

const storeAt = `${directory}/store`
const store = await LevelStore.open(storeAt, { epochs: EPOCHS })
const users = makeUsers(100 * SESSIONS)
const ids = []
const insert = async () => {
  const { scope, decision } = sessionAt(ids.length, 100 * SESSIONS, users, Date.now())
  ids.push(decision.insert.session.id)
  await store.insert(scope, () => decision)
}
const insertMany = () => Promise.all(Array.from({ length: AT_ONCE }, insert))
while (ids.length < SESSIONS) {
  await insertMany()
}
const someId = (i) => ids[(i * 7919) % SESSIONS]
results.insert = await timed(insertMany, AT_ONCE)
results.get = await timed((i) => store.get(someId(i)))
results.page = await timed((i) => store.list({ skip: (i % 10) * PAGE, take: PAGE, total: false }))
await store.close()

// As many rows for a session as the store has, of their mean sizes.
const level = openBare(storeAt)
const rows = await level.iterator().all()
await level.close()
const rowsPerSession = Math.round(rows.length / ids.length)
const meanBytes = (part) =>
  Math.round(rows.reduce((sum, row) => sum + row[part].length, 0) / rows.length)
const [keyBytes, valueBytes] = [meanBytes(0), meanBytes(1)]

const bare = openBare(`${directory}/bare`)
await bare.open()
const keys = []
const value = randomBytes(valueBytes)
const putMany = () => {
  const added = Array.from({ length: AT_ONCE * rowsPerSession }, () => randomBytes(keyBytes))
  keys.push(...added)
  return bare.batch(
    added.map((key) => ({ type: 'put', key, value })),
    { sync: true },
  )
}
while (keys.length < SESSIONS * rowsPerSession) {
  await putMany()
}
results['bare insert'] = await timed(putMany, AT_ONCE)
const someKey = (i) => keys[(i * 7919) % SESSIONS]
results['bare get'] = await timed((i) => bare.getSync(someKey(i)))
results['bare page'] = await timed((i) => bare.iterator({ gte: someKey(i), limit: PAGE }).all())
await bare.close()
console.log(JSON.stringify(results))

/** `operation` counts as `each`. */
async function timed(operation, each = 1) {
  const startCpu = process.cpuUsage()
  const startMs = performance.now()
  let count = 0
  let elapsedMs = 0
  for (; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startMs) {
    await operation(count)
    count++
  }
  const { user, system } = process.cpuUsage(startCpu)
  return {
    perSecond: (1000 * count * each) / elapsedMs,
    cpuMicros: (user + system) / count / each,
  }
}
