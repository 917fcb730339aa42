// The built command line, which writes down every row that it ever commits: SESSIOND_TEST_ROWS names the file.
import { appendFileSync } from 'node:fs'
import { Database } from '../../dist/stores/level/database.js'

const commit = Database.prototype.commit
Database.prototype.commit = function (rows, sync) {
  const all = [...rows]
  const lines = all.flatMap(([key, value]) => (value === null ? [] : `${hex(key)} ${hex(value)}\n`))
  appendFileSync(process.env.SESSIOND_TEST_ROWS, lines.join(''))
  return commit.call(this, all, sync)
}
await import('../../dist/cli/main.js')

function hex(bytes) {
  return Buffer.from(bytes).toString('hex')
}
