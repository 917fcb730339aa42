import { describe, expect, it } from 'vitest'
import { Digits, entriesOf, leafOf, parseJson } from '../../../../src/web/parts/json.js'

// That a number keeps its digits is shown in Chromium: Node 20 tells nobody how a number was written.
describe('parseJson', () => {
  it.each([
    ['no text', ''],
    ['half an object', '{'],
    ['a word', 'nothing'],
    ['a list that goes on', '[1,]'],
    ['200,000 lists', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
  ])('leaves %s as it is', (_, text) => {
    expect(parseJson(text)).toBe(null)
  })

  it('reads a null as a value', () => {
    expect(parseJson('null')).toEqual({ value: null })
  })
})

describe('what a value shows', () => {
  it('has the parts of lists and objects, by name', () => {
    expect(entriesOf(['a', 'b'])).toEqual([
      ['0', 'a'],
      ['1', 'b'],
    ])
    expect(entriesOf({ a: 1 })).toEqual([['a', 1]])
    expect(entriesOf({})).toEqual([])
  })

  it.each([
    ['text', 'string', 'text'],
    [1.5, 'number', '1.5'],
    [new Digits('1.50'), 'number', '1.50'],
    [true, 'word', 'true'],
    [null, 'word', 'null'],
  ])('%j is a leaf', (value, kind, text) => {
    expect(entriesOf(value)).toBe(null)
    expect(leafOf(value)).toEqual({ kind, text })
  })
})
