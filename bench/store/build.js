import { Database } from '../../dist/stores/level/database.js'
import { storeRows } from './rows.js'

/*
 * Fills a store: `node build.js JOB`. JOB is JSON with the `location` of the store and the `count` of sessions.
 * Only the last write is synced, and with it all writes before.
 */

const BATCH_ROWS = 2000
const PROGRESS_EVERY = 5_000_000

const { location, count } = JSON.parse(process.argv[2])
const startMs = performance.now()
const database = new Database(location)
await database.open()
let written = 0
let batch = []
let committing = Promise.resolve()
/** @type {Buffer} */
let lastKey = Buffer.alloc(0)
for (const row of storeRows(count, Date.now())) {
  const [key] = row
  if (key.compare(lastKey) <= 0) {
    throw new Error(`a row is out of order: ${key.toString('hex')}`)
  }
  lastKey = key
  batch.push(row)
  if (batch.length === BATCH_ROWS) {
    // The next rows are made while LevelDB writes these.
    await committing
    committing = database.commit(batch, false)
    written += batch.length
    batch = []
    if (written % PROGRESS_EVERY === 0) {
      console.error(`${written} rows of ${count} sessions after ${seconds().toFixed(0)} s`)
    }
  }
}
await committing
await database.commit(batch, true)
await database.close()
console.log(JSON.stringify({ seconds: seconds(), rows: written + batch.length }))

function seconds() {
  return (performance.now() - startMs) / 1000
}
