import { loadTable, medians } from '../lib/loads.js'
import { median } from '../lib/statistics.js'

/** The share of the echo's calls per second that Create must reach, by shape. */
const TARGETS = { '64 owners, constant meta': 0.15 }

/** The median for each shape: of every figure of the echo and of Create, and of their ratio. */
export function summarize(pairs) {
  const shapes = [...new Set(pairs.map(({ shape }) => shape))]
  return shapes.map((shape) => {
    const own = pairs.filter((pair) => pair.shape === shape)
    return {
      shape,
      echo: medians(own.map(({ echo }) => echo)),
      create: medians(own.map(({ create }) => create)),
      ofEcho: median(own.map(({ ofEcho }) => ofEcho)),
      target: TARGETS[shape] ?? null,
    }
  })
}

export function summaryTable(summary) {
  return loadTable(
    summary.flatMap(({ shape, echo, create, ofEcho }) => [
      { name: `Create, ${shape}`, load: create, ofEcho },
      { name: '  echo of the same sizes', load: echo },
    ]),
  )
}

/** One line for each shape that has a target. */
export function verdicts(summary) {
  return summary
    .filter(({ target }) => target !== null)
    .map(({ shape, ofEcho, target }) => ({
      held: ofEcho >= target,
      text: `Create, ${shape}: ${ofEcho.toFixed(3)} of the echo, at least ${target} wanted`,
    }))
}
