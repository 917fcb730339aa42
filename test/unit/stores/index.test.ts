import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../../src/config/config.js'
import { storePlace } from '../../../src/config/store-place.js'
import { parseStoreName, storeEngine } from '../../../src/stores/index.js'
import { temporaryDirectory } from '../../support/process.js'
import { commandSession, EPOCHS, insert } from '../../support/store-sessions.js'

it.each([
  ['level', { kind: 'level', address: '' }],
  ['level:/mnt/fast', { kind: 'level', address: '/mnt/fast' }],
  ['level:C:\\store', { kind: 'level', address: 'C:\\store' }],
])('reads %s as a kind of store and its address', (text, expected) => {
  expect(parseStoreName(text)).toEqual(expected)
})

it.each(['paper', 'Level', 'constructor', '', ':level'])(
  'refuses %j, which is no kind of store, and lists those that there are',
  (text) => {
    expect(() => parseStoreName(text)).toThrow(/no such store.*level: LevelDB.*level:DIR/)
  },
)

it('opens the store that --store chooses, where it says', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  for (const [store, location] of [
    ['level', join(directory, 'default', 'store')],
    [`level:${join(directory, 'elsewhere')}`, join(directory, 'elsewhere')],
  ] as const) {
    const dataDir = join(directory, store === 'level' ? 'default' : 'another')
    const config = readConfig({ flags: { 'data-dir': dataDir, store }, env: {} })
    const engine = await storeEngine(storePlace(config))
    expect(engine.location).toBe(location)
    await expect(engine.exists()).resolves.toBe(false)
    const opened = await engine.open({ epochs: EPOCHS })
    await insert(opened, commandSession('1'))
    await opened.close()
    await expect(engine.exists()).resolves.toBe(true)
    expect(existsSync(join(location, 'CURRENT'))).toBe(true)
  }
})
