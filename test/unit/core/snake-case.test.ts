import { expect, it } from 'vitest'
import { snakeJson, snakeKeys } from '../../../src/core/snake-case.js'

it.each([
  ['id', 'id'],
  ['sessionId', 'session_id'],
  ['clockOffsetMs', 'clock_offset_ms'],
  ['user_id', 'user_id'],
])('the key of %s is %s', (name, key) => {
  expect(snakeKeys({ [name]: 1 })).toEqual({ [key]: 1 })
})

it('keys inside a value stay as they are, because they may be data', () => {
  expect(snakeKeys({ cutCalls: { atPort: 1 } })).toEqual({ cut_calls: { atPort: 1 } })
})

it('JSON has such keys at any depth, and nothing else of it changes', () => {
  const event = { beginTime: 'aB', users: [{ isPatron: true, noName: null }], gone: undefined }
  expect(snakeJson(event)).toBe('{"begin_time":"aB","users":[{"is_patron":true,"no_name":null}]}')
})
