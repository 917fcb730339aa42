import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Metrics } from '../../../src/observability/metrics.js'

const countOf = (text: Buffer) => /^sessiond_seneca_refused_total (\d+)$/m.exec(`${text}`)?.[1]

describe('the text of the metrics', () => {
  it('is rendered once for all who asked before that began', async () => {
    const metrics = new Metrics('1.2.3')
    const askedMs = performance.now()
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => metrics.text()))
    for (const other of [...others, await metrics.text(askedMs)]) {
      expect(other).toBe(first)
    }
  })

  it('shows what happened before it was asked for', async () => {
    const metrics = new Metrics('1.2.3')
    for (let n = 1; n < 4; n++) {
      metrics.senecaPeerRefused()
      const asked = metrics.text()
      expect(countOf(await asked)).toBe(`${n}`)
      await setImmediate()
    }
  })
})
