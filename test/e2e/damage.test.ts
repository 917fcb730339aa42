import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { createClient, createRequest, inFlight } from '../support/create.js'
import { run, startServer, temporaryDirectory } from '../support/process.js'

const WORKER = fileURLToPath(new URL('../support/damage-worker.mjs', import.meta.url))
const RECORDING = fileURLToPath(new URL('../support/recording-server.mjs', import.meta.url))
const DAMAGES = process.env.SESSIOND_TEST_LONG ? 1_000 : 50
const BATCH = 25
const WORKERS = 2
const SEED = Number(process.env.SESSIOND_TEST_SEED ?? Date.now() % 1_000_000)

/** What `damage-worker.mjs` says of one damage. */
interface Outcome {
  readonly damage: object
  /** A start refuses the store as damaged. */
  readonly isRefused: boolean
  /** A start shows every row as it is in the store without the damage. */
  readonly isSame: boolean
  /** What the check finds. */
  readonly problems: readonly string[]
  /** What the repair drops or mends. */
  readonly lines: readonly string[]
  /** How many rows are left then. */
  readonly kept: number
  /** Those of them that were never written. */
  readonly strange: readonly string[]
  /** What the check then finds. */
  readonly left: readonly string[]
}

const directory = await temporaryDirectory(afterAll)
const dataDir = join(directory, 'data')
const rowsFile = join(directory, 'rows')

/** A store with tables and a log that a server, killed, has left. */
beforeAll(async () => {
  for (const round of [0, 1, 2]) {
    const env = { SESSIOND_TEST_ROWS: rowsFile }
    const server = await startServer({ dataDir, entry: RECORDING, env })
    await load(server.ready.grpc, round)
    await (round < 2 ? server.stop() : server.stop('SIGKILL'))
  }
})

async function load(address: string, round: number): Promise<void> {
  const connection = connect(address, { serverKeys: 'any' })
  const commands = new SessionsClient(connection)
  const client = createClient(address)
  const opened: string[] = []
  await inFlight(16, 90, async (i) => {
    if (i % 3 > 0) {
      const xHeaders = { 'idempotency-key': `${round} ${i}` }
      opened.push((await client.create(createRequest({ xHeaders }))).id)
    } else {
      const data = { page: 'x'.repeat(i), round }
      const place = { address: '192.0.2.1', client: 'test' }
      opened.push((await commands.open({ userId: `user ${i}`, ...place, data })).id)
    }
  })
  for (const [i, id] of opened.slice(0, 30).entries()) {
    await (i % 2 === 0 ? commands.close(id) : commands.delete(id))
  }
  client.close()
  connection.close()
}

async function work(first: number): Promise<Outcome[]> {
  const copies = join(directory, `work-${first}`)
  const args = [WORKER, dataDir, rowsFile, copies, `${first}`, `${BATCH}`]
  const { code, signal, stdout, stderr } = await run(process.execPath, args)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

it(`tells of each of ${DAMAGES} altered bytes, and repair keeps nothing that was not written (seed ${SEED})`, async () => {
  const outcomes: Outcome[] = []
  await inFlight(WORKERS, DAMAGES / BATCH, async (i) => {
    outcomes.push(...(await work(SEED + BATCH * i)))
  })
  expect(outcomes).toHaveLength(DAMAGES)
  const silent = outcomes.filter(
    ({ isRefused, isSame, problems }) => !isRefused && !isSame && problems.length === 0,
  )
  expect(silent).toEqual([])
  const altered = outcomes.filter(({ strange, left }) => strange.length + left.length > 0)
  expect(altered).toEqual([])
  // One byte takes a block of rows with it at most, or the writes that were in one record of the log.
  const most = Math.max(...outcomes.map(({ kept }) => kept))
  expect(Math.min(...outcomes.map(({ kept }) => kept))).toBeGreaterThan(most / 2)
}, 1_200_000)
