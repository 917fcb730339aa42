/** One family of the text format, version 0.0.4. */
export interface MetricFamily {
  readonly type: string
  /** By name and labels as they stand in the text. */
  readonly samples: Map<string, number>
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const HELP = new RegExp(`^# HELP (${NAME}) \\S.*$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`)
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`)
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/

/** Reads the text format as strictly as its specification allows. Throws on whatever breaks it. */
export function readMetrics(text: string): Map<string, MetricFamily> {
  const check = (holds: boolean, problem: string) => {
    if (!holds) {
      throw new Error(problem)
    }
  }
  check(text.endsWith('\n'), 'the last line has no end')
  const families = new Map<string, MetricFamily>()
  let helped = ''
  let name = ''
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const help = HELP.exec(line)
    const type = TYPE.exec(line)
    const sample = SAMPLE.exec(line)
    if (help) {
      helped = help[1] ?? ''
    } else if (type) {
      name = type[1] ?? ''
      check(name === helped && !families.has(name), `${line}: without its HELP, or twice`)
      families.set(name, { type: type[2] ?? '', samples: new Map() })
    } else {
      check(sample !== null, `no line of the format: ${line}`)
      const [, series = '', labels = '', value = ''] = sample ?? []
      const family = families.get(name)
      const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      check(
        suffixes.some((suffix) => series === name + suffix),
        `${line}: not of ${name}`,
      )
      check(NUMBER.test(value), `${line}: no number`)
      const key = labels === '' ? series : `${series}{${labels}}`
      check(!family?.samples.has(key), `${key}: twice`)
      family?.samples.set(key, Number(value.replace('Inf', 'Infinity')))
    }
  }
  for (const [name, { type, samples }] of families) {
    if (type === 'histogram') {
      checkHistogram(name, samples, check)
    }
  }
  return families
}

function checkHistogram(
  name: string,
  samples: ReadonlyMap<string, number>,
  check: (holds: boolean, problem: string) => void,
): void {
  const byLabels = new Map<string, { le: number; count: number }[]>()
  for (const [key, count] of samples) {
    const le = /\ble="([^"]*)",?/.exec(key)
    if (le) {
      const others = key.replace(le[0], '').replace('_bucket', '_count').replace('{}', '')
      const bounds = byLabels.get(others) ?? []
      bounds.push({ le: le[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(le[1]), count })
      byLabels.set(others, bounds)
    }
  }
  for (const [key, bounds] of byLabels) {
    const isRising = bounds.every(
      ({ le, count }, i) =>
        i === 0 || (le > (bounds[i - 1]?.le ?? 0) && count >= (bounds[i - 1]?.count ?? 0)),
    )
    check(isRising, `${name}: its buckets do not rise`)
    const last = bounds.at(-1)
    check(last?.le === Number.POSITIVE_INFINITY, `${name}: has no bucket +Inf`)
    check(last?.count === samples.get(key), `${key} is not what its last bucket has`)
    check(samples.has(key.replace('_count', '_sum')), `${key}: there is no sum`)
  }
}
