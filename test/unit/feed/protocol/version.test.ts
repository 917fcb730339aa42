import { expect, it } from 'vitest'
import { isOlderVersion } from '../../../../src/feed/protocol/version.js'

it.each([
  ['1.2.3', '1.2.3', false],
  ['1.2.3', '1.2.4', true],
  ['1.2.3', '1.10.0', true],
  ['2.0.0', '1.9.9', false],
  ['1.2', '1.2.1', true],
  ['1.2', '1.2.0', false],
  ['1.2.3', '1.2', false],
  ['1.2.3.4.4', '1.2.3.4.5', true],
  ['20261126093000', '20261126093001', true],
  ['1.2.3-rc.1', '1.2.3', false],
  ['1.2.3-rc.1', '1.2.4', true],
  ['1.2.3+7', '1.2.3+8', false],
  ['1.x', '1.1', true],
  ['1.2.3', '', false],
  ['1.2.3', 'unknown', false],
  ['unknown', '1.2.3', false],
  ['', '1.2.3', false],
])('the version %s is older than %s: %s', (version, other, isOlder) => {
  expect(isOlderVersion(version, other)).toBe(isOlder)
})
