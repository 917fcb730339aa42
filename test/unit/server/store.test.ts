import { expect, it } from 'vitest'
import { upgradeLog } from '../../../src/server/store.js'

it('logs an upgrade of the store when it begins, every five seconds, and when it is done', () => {
  const lines: unknown[] = []
  let nowMs = 0
  const onUpgrade = upgradeLog({ info: (fields: object) => void lines.push(fields) }, () => nowMs)
  for (let rows = 0; rows <= 12_000; rows += 1_000) {
    onUpgrade(rows, false)
    nowMs += 1_000
  }
  onUpgrade(12_000, true)
  expect(lines).toEqual([
    { event: 'store-upgrading', rows: 0 },
    { event: 'store-upgrading', rows: 5_000 },
    { event: 'store-upgrading', rows: 10_000 },
    { event: 'store-upgraded', rows: 12_000 },
  ])
})
