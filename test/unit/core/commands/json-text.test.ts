import { describe, expect, it } from 'vitest'
import { checkJson } from '../../../../src/core/commands/arguments.js'
import { oneLineJson } from '../../../../src/core/commands/json-text.js'

describe('the depth of JSON', () => {
  const inObjects = (levels: number, inner: string) =>
    `${'{"a":['.repeat(levels / 2)}${inner}${']}'.repeat(levels / 2)}`

  it.each([
    ['64 levels', inObjects(64, '1')],
    ['brackets in texts', inObjects(64, `"${'[{\\"\\\\'.repeat(99)}"`)],
    ['many side by side', `[${'[],{},'.repeat(99)}[]]`],
    ['a text of 16 MB', `["${'['.repeat(99)}${'\\"'.repeat(8 * 1024 * 1024)}"]`],
  ])('may be that of %s', (_, text) => {
    JSON.parse(text)
    checkJson('data', text)
  })

  it.each([
    ['66 levels', inObjects(66, '1')],
    ['65 behind a text of brackets', `["]\\"]",${'['.repeat(64)}${']'.repeat(65)}`],
  ])('may not be that of %s', (_, text) => {
    JSON.parse(text)
    expect(() => checkJson('data', text)).toThrow('is nested more than 64 levels deep')
  })
})

it('JSON on one line keeps every digit, and loses line ends between values alone', () => {
  expect(oneLineJson('{\n\t"a": 12345678901234567890,\r\n"b": "\\n"}')).toBe(
    '{  "a": 12345678901234567890,  "b": "\\n"}',
  )
  expect(oneLineJson(null)).toBe('null')
})
