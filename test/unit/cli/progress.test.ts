import { describe, expect, it } from 'vitest'
import { progressOn } from '../../../src/cli/progress.js'

function shown(isTTY: boolean) {
  const written: string[] = []
  const stream = { isTTY, write: (text: string) => written.push(text) }
  const progress = progressOn(stream as never, 'FILE')
  for (let permille = 1; permille <= 1000; permille++) {
    progress.show(permille / 1000, `${permille} imported`)
  }
  progress.clear()
  progress.clear()
  return written
}

describe('progress', () => {
  it('is a bar on a terminal, and gone at the end', () => {
    const written = shown(true)
    expect(written).toHaveLength(100)
    expect(written[49]).toBe('\r[###############---------------] 50 %, 500 imported')
    expect(written.at(-1)).toBe('\r\x1b[K')
  })

  it('is a few lines elsewhere', () => {
    const written = shown(false)
    expect(written).toHaveLength(9)
    expect(written[0]).toBe('sessiond: 10 % of FILE, 100 imported\n')
  })
})
