import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ExactNumber,
  exactJsonText,
  parseExactJson,
} from '../../../../src/offline/import/exact-json.js'

describe('exact JSON', () => {
  it.each([
    '12345678901234567890',
    '-9007199254740993',
    '0.1000000000000000055511151231257827',
    '1.0',
    '-0',
    '1E400',
    '1e5',
  ])('keeps the number %s as it is written', (number) => {
    expect(parseExactJson(number)).toEqual(new ExactNumber(number))
    const text = `{"a":[${number},{"b":${number}}],"c":"${number}"}`
    expect(exactJsonText(parseExactJson(text))).toBe(text)
  })

  it('reads texts as long as an element may be', () => {
    const long = `"${'\\"'.repeat(8 * 1024 * 1024)}"`
    expect(exactJsonText(parseExactJson(`[${long},1.0]`)).length).toBe(long.length + 6)
  })

  it('reads and writes all else as JSON does', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const written = exactJsonText(parseExactJson(text))
        expect(JSON.parse(written)).toEqual(JSON.parse(text))
        expect(exactJsonText(parseExactJson(written))).toBe(written)
      }),
    )
  })

  it.each(['01', '1.', '1e', '--1', '+1', '{"a":1 2}', '1-2', '0x10', '"a', '{"a":1e999e9}'])(
    'refuses what JSON refuses: %s',
    (text) => {
      expect(() => JSON.parse(text)).toThrow(SyntaxError)
      expect(() => parseExactJson(text)).toThrow(SyntaxError)
    },
  )
})
