import { rounded } from '../lib/verdicts.js'

const BEGIN = '<!-- begin of what bench/report/report.js writes -->'
const END = '<!-- end of what bench/report/report.js writes -->'

/** Where a plot of this name is kept, from docs/. */
export const plotPath = (file) => `performance/${file}.svg`

/** The page with the part that shows what was recorded. */
export function updatedPage(page, recorded) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) {
    throw new Error(`the page needs the lines ${BEGIN} and ${END}`)
  }
  return `${page.slice(0, begin)}${BEGIN}\n\n${recordedPart(recorded)}\n${page.slice(end)}`
}

function recordedPart({ machine, benches }) {
  const all = Object.entries(benches)
  return [
    `Node ${machine.node.slice(1)}, ${machine.cpus.length} cores (${machine.cpus[0]}).`,
    '',
    ...targetTable(all.flatMap(([, { verdicts }]) => verdicts)),
    ...all.flatMap(([name, { startedAt, seconds, rounds, table, plots = [] }]) => [
      '',
      `### ${name}`,
      '',
      `${startedAt.slice(0, 10)}; rounds: ${rounds}, of ${seconds} s.`,
      '',
      ...['```text', ...table.split('\n').map((line) => line.trimEnd()), '```'],
      ...plots.flatMap(({ file, title, x }) => ['', `![${title}, over ${x}](${plotPath(file)})`]),
    ]),
    '',
  ].join('\n')
}

function targetTable(verdicts) {
  return [
    '| what | measured | wanted | aim | |',
    '| --- | --- | --- | --- | --- |',
    ...verdicts.map(({ what, value, unit, bound, target, aim, held }) => {
      const cells = [what, `${rounded(value)}${unit}`, `${bound} ${target}`, aim ?? '']
      return `| ${cells.join(' | ')} | ${held ? 'held' : '**missed**'} |`
    }),
  ]
}
