// node bench/gate.js: measures again, shortly, the ratios that bench/recorded.json has, and exits with 1 if one of
// them fell by more than a quarter. Absolute figures say nothing about another machine, ratios do.
import { readFile } from 'node:fs/promises'
import { benchSeneca } from './commands/seneca.js'
import { benchCreate } from './create/bench.js'
import { benchSaturation } from './feed/saturation.js'
import { betterOf, regressions } from './lib/regression.js'

const GATED = { create: benchCreate, seneca: benchSeneca, saturation: benchSaturation }
const SHORT = { seconds: 1, rounds: 1, ratiosAlone: true }
/** What fell is measured again: a short measurement may meet a busy machine. */
const ATTEMPTS = 3

const recorded = JSON.parse(await readFile(new URL('recorded.json', import.meta.url), 'utf8'))
const report = (line) => console.error(`  ${line}`)

for (const [name, bench] of Object.entries(GATED)) {
  console.error(`${name}:`)
  const before = recorded.benches[name].verdicts
  let { verdicts } = await bench(SHORT, report)
  for (let again = 1; again < ATTEMPTS && regressions(before, verdicts).length > 0; again++) {
    report(`once more: ${regressions(before, verdicts).join('; ')}`)
    verdicts = betterOf(verdicts, (await bench(SHORT, report)).verdicts)
  }
  for (const line of regressions(before, verdicts)) {
    console.log(`REGRESSION: ${line}`)
    process.exitCode = 1
  }
}
