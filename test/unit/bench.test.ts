import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { betterOf, regressions } from '../../bench/lib/regression.js'
import { atLeast, atMost } from '../../bench/lib/verdicts.js'
import { plotPath, updatedPage } from '../../bench/report/page.js'
import { drawPlot } from '../../bench/report/plot.js'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const recorded = JSON.parse(read('bench/recorded.json'))

describe('the gate of the benches', () => {
  const before = [atLeast('Create', 0.4, 0.38), atLeast('the feed', 2.8, 2.7)]

  it('passes three quarters of what was recorded, whatever the target', () => {
    const now = [atLeast('Create', 0.301, 0.38), atLeast('the feed', 2.11, 2.7)]
    expect(regressions(before, now)).toEqual([])
  })

  it('names each ratio that is below that', () => {
    const now = [atLeast('Create', 0.299, 0.38), atLeast('the feed', 2.11, 2.7)]
    expect(regressions(before, now)).toEqual([
      'Create: 0.299, at least 0.300 wanted, a quarter less than recorded',
    ])
  })

  it('compares ratios alone, no time of another machine', () => {
    expect(regressions(before, [atMost('p99 of delivery', 900, 250, { unit: ' ms' })])).toEqual([])
  })

  it('fails for a ratio that was never recorded, and for one that is no number', () => {
    const now = [atLeast('another', 1, 0.5), atLeast('Create', Number.NaN, 0.38)]
    expect(regressions(before, now)).toEqual([
      'another: nothing is recorded',
      'Create: NaN, at least 0.300 wanted, a quarter less than recorded',
    ])
  })

  it('takes the better of two measurements of the same ratio', () => {
    const again = [atLeast('the feed', 2, 2.7), atLeast('Create', 0.5, 0.38)]
    expect(betterOf(before, again).map(({ value }: { value: number }) => value)).toEqual([0.5, 2.8])
  })

  it('finds what it measures in bench/recorded.json', () => {
    const gated = ['create', 'seneca', 'saturation'].flatMap(
      (name) => recorded.benches[name].verdicts,
    )
    const ratios = gated.filter(({ bound }: { bound: string }) => bound === 'at least')
    expect(ratios.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining([
        'Create, 64 owners, constant meta: of the echo',
        'Create, 64 owners, fresh idempotency keys: of the echo',
        'Create, a new owner each: of the echo',
        'open_session over Seneca: of the echo',
        'get_session_by_id over Seneca: of the echo',
        'the feed at saturation: of a bare server',
      ]),
    )
  })
})

describe('docs/performance.md', () => {
  it('shows what bench/recorded.json has: run node bench/report/report.js', () => {
    const page = read('docs/performance.md')
    expect(updatedPage(page, recorded)).toBe(page)
  })

  it('has plots of what was recorded', () => {
    for (const bench of Object.values<{ plots?: { file: string }[] }>(recorded.benches)) {
      for (const plot of bench.plots ?? []) {
        expect(read(`docs/${plotPath(plot.file)}`)).toBe(drawPlot(plot as never))
      }
    }
  })
})
