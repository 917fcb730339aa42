import { mkdir } from 'node:fs/promises'
import { runJob, withServers } from '../lib/processes.js'
import { median } from '../lib/statistics.js'
import { formatTable } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'

/** Each with what it is compared with. */
const OPERATIONS = {
  insert: 'insert, 64 at once, synced',
  get: 'get by id',
  page: 'page of 100',
}
/** There are six operations in each round. */
const SHARE_OF_SECONDS = 1 / 3
const MAX_BYTES_ON_DISK = 600

/** Operations of the store beside bare `level` with as many rows of the same sizes. */
export async function benchLevel({ seconds, rounds }, report) {
  const { measured, rows } = await withServers(async (parent) => {
    const rows = await runJob(`${import.meta.dirname}/rows.js`, { directory: parent })
    const all = []
    for (let round = 1; round <= rounds; round++) {
      const directory = `${parent}/${round}`
      await mkdir(directory)
      all.push(
        await runJob(`${import.meta.dirname}/load.js`, {
          directory,
          seconds: seconds * SHARE_OF_SECONDS,
        }),
      )
      report(`round ${round}: ${all.at(-1).insert.perSecond.toFixed(0)} inserts/s`)
    }
    return { measured: all, rows }
  })
  const of = (operation, figure) => median(measured.map((round) => round[operation][figure]))
  const row = (operation, name, ratio = '') => [
    ...[name, of(operation, 'perSecond').toFixed(0), ratio, of(operation, 'cpuMicros').toFixed(1)],
  ]
  const operations = formatTable(
    ['one after the other', 'a second', 'of bare', 'CPU µs'],
    Object.entries(OPERATIONS).flatMap(([operation, name]) => {
      const bare = `bare ${operation}`
      const ratio = of(operation, 'perSecond') / of(bare, 'perSecond')
      return [row(operation, name, ratio.toFixed(3)), row(bare, '  bare level, as many rows')]
    }),
  )
  return {
    table: `${operations}\n\n${rowsTable(rows)}`,
    verdicts: [
      atMost('a token session on disk', rows.bytesOnDisk, MAX_BYTES_ON_DISK, { unit: ' bytes' }),
    ],
    figures: { rounds: measured, rows },
  }
}

function rowsTable({ rows, bytesOnDisk }) {
  const table = formatTable(
    ['rows of a token session', 'how many', 'key bytes', 'value bytes', 'CPU µs to write one'],
    rows.map(({ kind, perSession, keyBytes, valueBytes, cpuMicros }) => [
      ...[kind, perSession.toFixed(0), keyBytes.toFixed(0), valueBytes.toFixed(0)],
      cpuMicros.toFixed(1),
    ]),
  )
  return `${table}\non disk, compacted: ${bytesOnDisk.toFixed(0)} bytes a session`
}
