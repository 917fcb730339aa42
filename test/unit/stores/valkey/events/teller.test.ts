import { describe, expect, it } from 'vitest'
import type { SessionChange } from '../../../../../src/core/events.js'
import { Listeners } from '../../../../../src/stores/listeners.js'
import { Teller } from '../../../../../src/stores/valkey/events/teller.js'
import { NO_VERSION, versionAfter } from '../../../../../src/stores/valkey/layout/values.js'
import { commandSession } from '../../../../support/store-sessions.js'

/** The versions of a record, one after the other, and its state at each. */
const first = versionAfter(NO_VERSION)
const second = versionAfter(first)
const third = versionAfter(second)
const at = (requestTimeMs: number) => commandSession('1', { requestTimeMs })

function given() {
  const listeners = new Listeners()
  const told: SessionChange[] = []
  listeners.subscribe((change) => told.push(change))
  return { teller: new Teller(listeners), told }
}

describe('of each state of a session, listeners', () => {
  it('hear what was before, where this server told them of that last', () => {
    const { teller, told } = given()
    teller.own('1', { before: null, after: at(1) }, first)
    teller.own('1', { before: at(1), after: at(2) }, second)
    expect(told).toEqual([
      { before: null, after: at(1) },
      { before: at(1), after: at(2) },
    ])
  })

  it('hear nothing of what was before, where they were not told of that', () => {
    const { teller, told } = given()
    teller.own('1', { before: null, after: at(1) }, first)
    teller.own('1', { before: at(2), after: at(3) }, third)
    expect(told[1]).toEqual({ before: null, after: at(3) })
  })

  it('hear once, whether a commit or the stream tells of it first', () => {
    const { teller, told } = given()
    teller.own('1', { before: null, after: at(1) }, first)
    teller.foreign('1', at(1), first)
    teller.foreign('1', at(3), third)
    teller.own('1', { before: at(1), after: at(2) }, second)
    expect(told.map(({ after }) => after?.requestTimeMs)).toEqual([1, 3])
  })

  it('hear of what really became of it, where they were told of what was lost with its master', () => {
    const { teller, told } = given()
    teller.own('1', { before: null, after: at(1) }, first)
    teller.foreign('1', at(2), second)
    teller.foreign('1', at(3), versionAfter(first))
    expect(told.map(({ after }) => after?.requestTimeMs)).toEqual([1, 2, 3])
  })

  it('hear of an earlier one only after what they were told has been forgotten', () => {
    const { teller, told } = given()
    teller.foreign('1', at(3), third)
    teller.foreign('1', at(2), second)
    teller.forget()
    teller.foreign('1', at(2), second)
    expect(told.map(({ after }) => after?.requestTimeMs)).toEqual([3, 2])
  })

  it('hear once that it was deleted, and again of one that then gets the same id', () => {
    const { teller, told } = given()
    teller.own('1', { before: null, after: at(1) }, first)
    teller.foreign('1', null, second)
    teller.foreign('1', null, second)
    teller.foreign('1', at(5), versionAfter(NO_VERSION, teller.lastTold('1')))
    expect(told.map(({ after }) => after?.requestTimeMs ?? null)).toEqual([1, null, 5])
  })

  it('hear nothing of a commit whose answer came after others had changed or deleted it', () => {
    for (const after of [at(2), null]) {
      const { teller, told } = given()
      teller.foreign('1', after, second)
      teller.own('1', { before: null, after: at(1) }, first)
      expect(told).toEqual([{ before: null, after }])
    }
  })
})
