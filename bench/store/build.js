import { LevelStore } from '../../dist/stores/level/store.js'
import { makeUsers, sessionAt } from './sessions.js'

/*
 * Fills a store: `node build.js JOB`. JOB is JSON with the `location` of the store and the `count` of sessions.
 * Only the last write is synced, and with it all writes before.
 */

const CONCURRENT = 250
const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }
const PROGRESS_EVERY = 100_000

const { location, count } = JSON.parse(process.argv[2])
const startMs = performance.now()
const users = makeUsers(count)
const nowMs = Date.now()
let inserted = 0

await fill(count - 1, { sync: false })
await fill(count, { sync: true })
console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000 }))

async function fill(end, { sync }) {
  const store = await LevelStore.open(location, { epochs: EPOCHS, sync })
  let next = inserted
  const insertNext = async () => {
    while (next < end) {
      const { scope, decision } = sessionAt(next++, count, users, nowMs)
      await store.insert(scope, () => decision)
      inserted++
      if (inserted % PROGRESS_EVERY === 0) {
        const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
        console.error(`${inserted} of ${count} sessions stored after ${seconds} s`)
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, insertNext))
  await store.close()
}
