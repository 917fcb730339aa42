import { describe, expect, it, onTestFinished } from 'vitest'
import { KEY_ONLY } from '../../../../../src/stores/level/database.js'
import { deadlineKey } from '../../../../../src/stores/level/layout/keys.js'
import { DeadlineQueue } from '../../../../../src/stores/level/write/deadline-queue.js'
import { withLevel } from '../../../../support/care.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { sessionDeadline } from '../../../../support/store-sessions.js'

async function setUp() {
  const observed = new Observed(await temporaryDirectory(onTestFinished))
  const { database } = observed
  await database.open()
  onTestFinished(() => database.close())
  const deadlines = new DeadlineQueue()
  const keyOf = (timeMs: number) => deadlineKey(sessionDeadline(timeMs, 'id'))
  /** A row that `deadlines` is not told of. */
  const putUntold = (timeMs: number) => database.commit([[keyOf(timeMs), KEY_ONLY]], false)
  return {
    observed,
    deadlines,
    putUntold,
    put: async (timeMs: number) => {
      await putUntold(timeMs)
      deadlines.committed([[keyOf(timeMs), KEY_ONLY]])
    },
    /** Rows whose checksums are wrong. */
    putDamaged: async (...timesMs: readonly number[]) => {
      await database.close()
      await withLevel(database.location, async ({ bare }) => {
        for (const timeMs of timesMs) {
          await bare.put(keyOf(timeMs), Buffer.alloc(8))
        }
      })
      await database.open()
    },
    settle: (timeMs: number) => database.commit([[keyOf(timeMs), null]], false),
    due: async (timeMs: number) => {
      const due = await database.read((level) => deadlines.due(level, timeMs, 10))
      return due.map((deadline) => deadline.timeMs)
    },
  }
}

it('starts each walk where the last one found that something is left', async () => {
  const { put, putUntold, settle, due } = await setUp()
  await Promise.all([100, 200, 300].map(put))
  await expect(due(1000)).resolves.toEqual([100, 200, 300])
  await settle(100)
  await settle(200)
  await expect(due(1000)).resolves.toEqual([300])
  await putUntold(150)
  await expect(due(1000)).resolves.toEqual([300])
  await put(120)
  await expect(due(1000)).resolves.toEqual([120, 150, 300])
})

it('finds later what was committed while a walk that could not see it went on', async () => {
  const { observed, put, settle, due } = await setUp()
  await put(500)
  observed.onRead = async () => {
    observed.onRead = async () => {}
    await put(100)
  }
  await expect(due(1000)).resolves.toEqual([500])
  await settle(500)
  await expect(due(1000)).resolves.toEqual([100])
})

it('walks from the start again where nothing is known any more', async () => {
  const { deadlines, put, putUntold, due } = await setUp()
  await put(500)
  await expect(due(1000)).resolves.toEqual([500])
  await putUntold(100)
  deadlines.reset()
  await expect(due(1000)).resolves.toEqual([100, 500])
})

describe('a damaged row', () => {
  it('takes no place of a deadline that is due', async () => {
    const { put, putDamaged, due } = await setUp()
    await putDamaged(...Array.from({ length: 20 }, (_, i) => i + 1))
    await put(30)
    await expect(due(1000)).resolves.toEqual([30])
  })

  it('hides none of the deadlines behind it that are yet to come', async () => {
    const { put, putDamaged, due } = await setUp()
    await putDamaged(500)
    await put(600)
    await expect(due(100)).resolves.toEqual([])
    await expect(due(1000)).resolves.toEqual([600])
  })
})
