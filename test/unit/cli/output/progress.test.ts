import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { progressOn, statusLine } from '../../../../src/cli/output/progress.js'

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

describe('a status line', () => {
  function shown(isTTY: boolean) {
    const written: string[] = []
    const stream = { isTTY, write: (text: string) => written.push(text) }
    let nowMs = 1000
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    onTestFinished(() => void vi.restoreAllMocks())
    const line = statusLine(stream as never)
    line.clear()
    for (const text of ['first', 'too soon', 'next']) {
      line.show(text)
      nowMs += 50
    }
    line.clear()
    line.clear()
    return written
  }

  it('is replaced ten times a second on a terminal, and gone at the end', () => {
    expect(shown(true)).toEqual(['\r\x1b[Kfirst', '\r\x1b[Knext', '\r\x1b[K'])
  })

  it('is nothing elsewhere', () => {
    expect(shown(false)).toEqual([])
  })
})
