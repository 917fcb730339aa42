// node bench/report/report.js FILE...: records these results of bench/run.js in bench/recorded.json, in place of
// earlier ones of the same benches, and brings docs/performance.md and its plots up to date. Without a FILE it only
// does the latter.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { plotPath, updatedPage } from './page.js'
import { drawPlot } from './plot.js'

const RECORDED = new URL('../recorded.json', import.meta.url)
const DOCS = new URL('../../docs/', import.meta.url)
const PAGE = new URL('performance.md', DOCS)

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'))

const recorded = existsSync(RECORDED) ? await readJson(RECORDED) : { benches: {} }
for (const file of process.argv.slice(2)) {
  const { machine, benches } = await readJson(file)
  recorded.machine = machine
  for (const [name, { figures: _, ...bench }] of Object.entries(benches)) {
    recorded.benches[name] = bench
  }
}
await writeFile(RECORDED, `${JSON.stringify(recorded, null, 2)}\n`)

const plots = Object.values(recorded.benches).flatMap((bench) => bench.plots ?? [])
await mkdir(new URL('performance/', DOCS), { recursive: true })
for (const plot of plots) {
  await writeFile(new URL(plotPath(plot.file), DOCS), drawPlot(plot))
}
await writeFile(PAGE, updatedPage(await readFile(PAGE, 'utf8'), recorded))
