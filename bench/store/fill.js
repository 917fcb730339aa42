import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runJob } from '../lib/processes.js'
import { serve } from '../lib/serve.js'

/** Makes a new data directory whose store has `count` sessions (rows.js). Returns how many `seconds` it took to store them. */
export async function fillStore(start, dataDir, count, report) {
  await mkdir(dataDir)
  // The first start creates the keys. Without them a server refuses a store that has sessions.
  await (await serve(start, dataDir)).stop()
  const job = { location: join(dataDir, 'store'), count }
  const { seconds, rows } = await runJob(`${import.meta.dirname}/build.js`, job)
  const rowsPerSecond = (rows / seconds).toFixed(0)
  report(`${count} sessions stored in ${seconds.toFixed(1)} s, ${rowsPerSecond} rows a second`)
  return seconds
}
