import { randomBytes } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ended as endedSession } from '../../../../../src/core/endings/expiry-rules.js'
import { sealCheck } from '../../../../../src/keys/seal-check.js'
import { generateSealingKeys } from '../../../../../src/keys/sealing-keys.js'
import { damagedFiles } from '../../../../../src/stores/level/files/store-files.js'
import { INFO_KEY } from '../../../../../src/stores/level/layout/keys.js'
import {
  type RowRepairPorts,
  repairStore,
} from '../../../../../src/stores/level/maintenance/repair.js'
import { readSession } from '../../../../../src/stores/level/read/lookup.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import {
  fillStore,
  NOW_MS,
  PORTS,
  problemsIn,
  type RowLevel,
  rowsIn,
  withLevel,
} from '../../../../support/care.js'
import { auditLevel } from '../../../../support/level-audit.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { ROW_DAMAGES, type RowDamage } from '../../../../support/row-damages.js'
import { EPOCHS } from '../../../../support/store-sessions.js'

const KEY_LOST = { reason: 'key_lost', by: 'repair' } as const
const directory = await temporaryDirectory(afterAll)
const whole = join(directory, 'whole')
beforeAll(() => fillStore(whole))

/** A copy of the store with this damage in it. */
async function damaged({ name, plant }: RowDamage): Promise<string> {
  const location = join(await temporaryDirectory(onTestFinished), name.replaceAll(' ', '-'))
  await cp(whole, location, { recursive: true })
  await withLevel(location, plant)
  return location
}

async function repair(location: string, ports: Partial<RowRepairPorts> = {}) {
  const places = {
    made: `${location}.made`,
    saved: `${location}.saved`,
    stage: `${location}.stage`,
  }
  for (const place of Object.values(places)) {
    await rm(place, { recursive: true, force: true })
  }
  const lines: string[] = []
  const all = { ...PORTS, epochs: EPOCHS, nowMs: NOW_MS, ...ports }
  for await (const line of repairStore(location, places, all)) {
    lines.push(line)
  }
  return { made: places.made, lines }
}

const IDS = ['token-1', 'token-2', 'token-ended', 'alice', 'bob', 'bob-ended']
const stateOf = (location: string) =>
  withLevel(location, async (level) =>
    Object.fromEntries(IDS.map((id) => [id, readSession(level, id)])),
  )

function expectLines(lines: readonly string[], patterns: readonly RegExp[]): void {
  expect(lines).toEqual(patterns.map((pattern) => expect.stringMatching(pattern)))
}

describe('the check', () => {
  it('finds nothing in a store that is whole', async () => {
    expect(await problemsIn(whole)).toEqual([])
    expect(await auditLevel(whole)).toEqual([])
  })

  it.each(ROW_DAMAGES)('finds $name', async (damage) => {
    expectLines(await problemsIn(await damaged(damage)), damage.problems)
  })
})

describe('the repair', () => {
  it('leaves a store that is whole as it was, row by row', async () => {
    const { made, lines } = await repair(whole)
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })

  it.each(ROW_DAMAGES)('mends $name, and drops no more than it must', async (damage) => {
    const location = await damaged(damage)
    const before = await rowsIn(location)
    const { made, lines } = await repair(location)
    expectLines(lines, damage.repairs ?? [])
    expect(await problemsIn(made)).toEqual([])
    expect(await auditLevel(made)).toEqual([])
    const was = await stateOf(whole)
    for (const [id, session] of Object.entries(await stateOf(made))) {
      const old = was[id] ?? null
      const isEnded = damage.ended?.includes(id) && old
      const expected = isEnded ? endedSession(old, NOW_MS, KEY_LOST) : old
      expect(session).toEqual(damage.lost?.includes(id) ? undefined : expected)
    }
    expect(await rowsIn(location)).toEqual(before)
  })

  it('ends nothing where the sealing keys are those of another server', async () => {
    const { current } = generateSealingKeys(randomBytes)
    const others = { current, keys: new Map([[current, new Uint8Array(32)]]) }
    const { made, lines } = await repair(whole, { trySeal: sealCheck(() => others) })
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })

  it('refuses sealing keys of the right name that open nothing', async () => {
    const trySeal = () => ({ opens: false, reason: 'does not open', isKeyMissing: false }) as const
    await expect(repair(whole, { trySeal })).rejects.toMatchObject({ code: 'STORE_MISMATCH' })
  })

  it('keeps seals where no sealing keys are at hand', async () => {
    const location = await damaged(
      ROW_DAMAGES.find(({ name }) => /altered/.test(name)) as RowDamage,
    )
    const { made, lines } = await repair(location, { trySeal: null })
    expect(lines).toEqual([])
    expect(await rowsIn(made)).toEqual(await rowsIn(location))
  })

  it.each(['', 'ff', '080110ffffffffffffffff7f', '080110001800'])(
    'takes them too where its own cannot be read: %j, which no server starts with',
    async (info) => {
      const plant = (level: RowLevel) => level.put(INFO_KEY, Buffer.from(info, 'hex'))
      const location = await damaged({ name: 'facts that are none', plant, problems: [] })
      const opened = LevelStore.open(location, { epochs: EPOCHS })
      await expect(opened).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
      const { made, lines } = await repair(location)
      expectLines(lines, [/^dropped the store: its record of layout/, /^mended: the epochs/])
      expect(await rowsIn(made)).toEqual(await rowsIn(whole))
    },
  )

  it('refuses other epochs than the store was made with, as servers do', async () => {
    const epochs = { ...EPOCHS, lengthMs: 2 * EPOCHS.lengthMs }
    await expect(repair(whole, { epochs })).rejects.toMatchObject({
      code: 'STORE_MISMATCH',
      message: expect.stringMatching(/was made with .* --epoch-length 1000ms/),
    })
  })

  it('takes the epochs of the options where the store has lost its own', async () => {
    const location = await damaged({
      name: 'no facts',
      plant: (level) => level.del(INFO_KEY),
      problems: [],
    })
    const { made, lines } = await repair(location)
    expectLines(lines, [/^mended: the epochs/])
    expect(await rowsIn(made)).toEqual(await rowsIn(whole))
  })
})

describe('a check whose signal is aborted', () => {
  const reason = new Error('nobody waits')

  it('reads no further file of the store', async () => {
    const signal = AbortSignal.abort(reason)
    await expect(damagedFiles(whole, { signal }).next()).rejects.toBe(reason)
  })

  it('ends with its reason wherever it is, also after the last row was compared', async () => {
    const store = await LevelStore.open(whole, { epochs: EPOCHS, sync: false })
    onTestFinished(() => store.close())
    const controller = new AbortController()
    const run = async () => {
      for await (const event of store.check({ ...PORTS, signal: controller.signal })) {
        if ('checkedRows' in event && event.checkedRows === event.totalRows) {
          controller.abort(reason)
        }
      }
    }
    await expect(run()).rejects.toBe(reason)
  })
})
