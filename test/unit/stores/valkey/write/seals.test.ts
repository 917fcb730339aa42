import { expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../../../src/core/errors.js'
import { EngineError } from '../../../../../src/stores/valkey/connection/reply.js'
import type { StoreParts } from '../../../../../src/stores/valkey/parts.js'
import { Seals } from '../../../../../src/stores/valkey/write/seals.js'
import { tokenSession } from '../../../../support/store-sessions.js'

/** Over masters that answer as `rewrite` does when they are to rewrite their logs. */
function given(rewrite: (times: number) => void) {
  let times = 0
  const onMasters = async () => rewrite(++times)
  const functions = { cluster: { onMasters } }
  const seals = new Seals({ functions } as unknown as StoreParts)
  return { seals, asked: () => times }
}

it('a seal that is deleted while masters begin to rewrite their logs goes with the next rewrite', async () => {
  const { seals, asked } = given((times) => {
    if (times === 1) {
      seals.removed(tokenSession('2'))
    }
  })
  seals.removed(tokenSession('1'))
  await seals.compact()
  await seals.compact()
  expect(asked()).toBe(2)
  await seals.compact()
  expect(asked()).toBe(2)
})

it.each([
  ['is at it already', new StoreUnavailableError('', new EngineError('ERR in progress')), false],
  ['does not answer', new StoreUnavailableError(''), true],
])('masters are asked again where one %s', async (_name, reason, isTold) => {
  const { seals, asked } = given((times) => {
    if (times === 1) {
      throw reason
    }
  })
  seals.removed(tokenSession('1'))
  await (isTold ? expect(seals.compact()).rejects.toBe(reason) : seals.compact())
  await seals.compact()
  expect(asked()).toBe(2)
})
