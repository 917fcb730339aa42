import { describe, expect, it } from 'vitest'
import type { Operator, Outcome } from '../../../../src/web/operator/calls.js'
import { endAll, forecast, report } from '../../../../src/web/operator/ending.js'

const outcome = (of: Outcome['outcome'], changes: Partial<Outcome> = {}): Outcome => ({
  ...{ id: 'an id', outcome: of, wasOpen: false, message: '' },
  ...changes,
})

/** An operator who ends whatever is asked, and keeps how many at a time. */
function recordingOperator() {
  const calls: number[] = []
  const end: Operator['end'] = async (_, ids) => {
    calls.push(ids.length)
    return ids.map((id) => outcome('closed', { id }))
  }
  return { calls, operator: { end } as Operator }
}

describe('endAll', () => {
  const ids = Array.from({ length: 250 }, (_, i) => `${i}`)

  it('ends a hundred at a time and tells how far it is', async () => {
    const { calls, operator } = recordingOperator()
    const told: number[] = []
    const { signal } = new AbortController()
    const onProgress = (done: number) => told.push(done)
    const outcomes = await endAll(operator, 'close', ids, { isTrial: false, signal, onProgress })
    expect(calls).toEqual([100, 100, 50])
    expect(told).toEqual([100, 200, 250])
    expect(outcomes.map(({ id }) => id)).toEqual(ids)
  })

  it('stops where it is told to', async () => {
    const { calls, operator } = recordingOperator()
    const leaving = new AbortController()
    const options = { isTrial: false, signal: leaving.signal, onProgress: () => leaving.abort() }
    expect(await endAll(operator, 'delete', ids, options)).toHaveLength(100)
    expect(calls).toEqual([100])
  })
})

describe('what is told of an end', () => {
  it('says beforehand what will happen', () => {
    const trial = [outcome('closed'), outcome('closed'), outcome('had_ended'), outcome('not_found')]
    expect(forecast('close', trial)).toEqual([
      '2 open sessions will end.',
      '1 session had ended before and will not change.',
      '1 session is not there any more.',
    ])
    const deleted = [outcome('deleted', { wasOpen: true }), outcome('deleted')]
    expect(forecast('delete', deleted)).toEqual([
      '2 records will be deleted.',
      '1 of them is open and will end.',
    ])
    expect(forecast('delete', deleted.slice(0, 1))).toContain('It is open and will end.')
  })

  it('says afterwards what happened, and what did not', () => {
    const failed = outcome('failed', { message: 'the disk is full' })
    expect(report([outcome('closed'), outcome('had_ended'), failed], 3)).toBe(
      'Closed 1 session. 1 session had ended before. 1 session failed: the disk is full.',
    )
    expect(report([outcome('deleted')], 3)).toBe(
      'Deleted 1 record. Stopped: 2 sessions left as they were.',
    )
  })
})
