/**
 * Damages copies of a data directory, one byte each, and tells what became of them, one JSON line each. In a process of its
 * own: damage can make LevelDB end it. Arguments: the data directory, a file with every row that was ever written to it, a
 * directory for the copies, the number of the first damage, how many.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../dist/config/config.js'
import { checkDataDir } from '../../dist/offline/check.js'
import { repairDataDir } from '../../dist/offline/repair.js'
import { Database } from '../../dist/stores/level/database.js'
import { LevelStore } from '../../dist/stores/level/store.js'

const [master, rowsFile, work, first, count] = process.argv.slice(2)
/** The key of an idempotency entry's deadline. */
const ENTRY_DEADLINE = /^78[0-9a-f]{16}01/
/** The key of an ending, up to its place in the order of commits: in its own row, or as the value of its deadline. */
const ENDING = /(?:^65|(?<=^78[0-9a-f]{16}03[0-9a-f]* )65)[0-9a-f]{16}/
/** The place of those that a repair makes anew. */
const NO_PLACE = `65${'0'.repeat(16)}`
const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }
const written = new Set(readFileSync(rowsFile, 'utf8').split('\n'))
const writtenEndings = new Set(
  [...written].filter((row) => ENDING.test(row)).map((row) => row.replace(ENDING, NO_PLACE)),
)

cpSync(master, join(work, 'whole'), { recursive: true })
const whole = await started(join(work, 'whole', 'store'))
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  console.log(JSON.stringify(await look(i)))
}

async function look(number) {
  const dataDir = join(work, `${number}`)
  const damage = chosen(number)
  const fresh = () => {
    rmSync(dataDir, { recursive: true, force: true })
    cpSync(master, dataDir, { recursive: true })
    const path = join(dataDir, 'store', damage.file)
    const bytes = readFileSync(path)
    bytes[damage.offset] ^= damage.mask
    writeFileSync(path, bytes)
  }
  fresh()
  const start = await started(join(dataDir, 'store'))
  fresh()
  const config = readConfig({ flags: { 'data-dir': dataDir }, env: {} })
  const problems = []
  for await (const event of checkDataDir(config)) {
    if ('problem' in event) {
      problems.push(event.problem)
    }
  }
  fresh()
  const lines = []
  await repairDataDir(config, { isDry: false, onLine: (line) => lines.push(line) })
  const repaired = await rowsIn(join(dataDir, 'store'))
  const left = []
  for await (const event of checkDataDir(config)) {
    if ('problem' in event) {
      left.push(event.problem)
    }
  }
  rmSync(dataDir, { recursive: true, force: true })
  return {
    damage,
    isRefused: start === 'STORE_DAMAGED',
    isSame: start === whole,
    problems,
    lines,
    kept: repaired.length,
    strange: repaired.filter((row) => !written.has(row) && !isDerived(row, lines)),
    left,
  }
}

/**
 * Facts and lists of opened sessions are made anew, from sessions as they were written. A session whose sealed key is lost is
 * ended, and one whose deadline is lost gets another, as does the entry that shared it, also if the session has a later one:
 * all are told of. Endings are as they were, but in no order.
 */
function isDerived(row, lines) {
  const idsOf = (pattern) =>
    lines
      .flatMap((line) => pattern.exec(line)?.slice(1) ?? [])
      // In keys of deadlines a UUID takes 16 bytes.
      .flatMap((id) => [Buffer.from(id).toString('hex'), id.replaceAll('-', '')])
  const isOf = (ids) => ids.some((id) => row.includes(id))
  const mended = idsOf(/^mended session "([^"]*)"/)
  const undated = [...mended, ...idsOf(/^dropped: session "([^"]*)": a deadline/)]
  return (
    row.startsWith('63') ||
    row.startsWith('6d') ||
    writtenEndings.has(row) ||
    isOf(idsOf(/^ended session "([^"]*)"/)) ||
    (row.startsWith('78') && isOf(mended)) ||
    (ENTRY_DEADLINE.test(row) && undated.length > 0)
  )
}

/** The code of a refused start, or the rows that it shows. */
async function started(location) {
  let store
  try {
    store = await LevelStore.open(location, { epochs: EPOCHS })
  } catch (error) {
    return error.code
  }
  await store.close()
  return (await rowsIn(location)).join('\n')
}

async function rowsIn(location) {
  const database = new Database(location)
  await database.open()
  const rows = await database.read((level) => level.iterator().all())
  await database.close()
  const hex = (bytes) => Buffer.from(bytes).toString('hex')
  return rows.map(([key, value]) => `${hex(key)} ${hex(value)}`)
}

/** Every file has its turn, and every byte of it the same chance. */
function chosen(number) {
  const random = mulberry32(number)
  const files = readdirSync(join(master, 'store')).filter((name) =>
    /^(CURRENT|MANIFEST-|\d+\.(log|ldb))/.test(name),
  )
  const file = files[number % files.length]
  const { length } = readFileSync(join(master, 'store', file))
  return {
    number,
    file,
    offset: Math.floor(random() * length),
    mask: 1 + Math.floor(random() * 255),
  }
}

function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
