import { describe, expect, it } from 'vitest'
import { jsonLine, printable, printableJson, table } from '../../../../src/cli/output/printable.js'

describe('text of callers and servers', () => {
  it('is printed as it is where nothing in it could move a terminal', () => {
    expect(printable('Zoë – 日本 "x"\\')).toBe('Zoë – 日本 "x"\\')
  })

  it.each([
    ['\x1b[2J', '\\u{1b}[2J'],
    ['a\nb\r\tc', 'a\\u{a}b\\u{d}\\u{9}c'],
    ['\u202egpj.exe', '\\u{202e}gpj.exe'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\u{e0001}', '\\u{e0001}'],
  ])('is printed with control and formatting characters by their number: %j', (text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  it.each(['\x9b2J', '\u202e', '\u{e0001}', 'plain'])(
    'is printed within JSON so that it still says the same: %j',
    (text) => {
      const json = printableJson(JSON.stringify({ text }))
      expect(json).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      expect(JSON.parse(json)).toEqual({ text })
      expect(jsonLine({ text })).toBe(json)
    },
  )
})

it('a table has columns as wide as their widest cell, and no blanks at line ends', () => {
  const rows = [
    ['ID', 'USER', 'X'],
    ['1', 'alice', ''],
    ['\n', '', ''],
  ]
  expect(table(rows)).toBe('ID     USER   X\n1      alice\n\\u{a}')
})
