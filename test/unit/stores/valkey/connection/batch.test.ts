import { expect, it } from 'vitest'
import { Batch, type Call } from '../../../../../src/stores/valkey/connection/batch.js'
import { EngineError, type Reply } from '../../../../../src/stores/valkey/connection/reply.js'

/** A call that writes down what becomes of it. After an error of the engine it is on its way to another node. */
function callNamed(name: string, told: string[]): Call {
  return {
    ...{ request: Buffer.from(name), channel: undefined, isAsking: false, deadlineAtMs: 0 },
    ...{ mayRepeat: true, turn: 1, wasSent: false, isDone: false },
    onReply(reply: Reply | EngineError) {
      told.push(`${name} ${reply instanceof EngineError ? reply.code : reply}`)
      this.isDone = !(reply instanceof EngineError)
    },
    onLost: () => told.push(`${name} lost`),
  }
}

const events = {
  onDone: (call: Call) => {
    call.isDone = true
  },
  onEnd: () => {},
}

it('a call that was redirected is not lost with the connection that it left', () => {
  const told: string[] = []
  const batch = new Batch([callNamed('moves', told), callNamed('waits', told)], null, events)
  batch.onReply(new EngineError('MOVED 1 127.0.0.1:2'), 0)
  batch.onLost(new Error('the connection ended'))
  expect(told).toEqual(['moves MOVED', 'waits lost'])
})

it('a call that another node was given meanwhile gets no reply of the first, and is not lost with it', () => {
  const told: string[] = []
  const [read, other] = [callNamed('read', told), callNamed('other', told)]
  const batch = new Batch([read, other], null, events)
  const later = []
  for (const call of [read, other]) {
    call.turn++
    later.push(new Batch([call], null, events))
  }
  batch.onReply(1, 0)
  batch.onLost(new Error('the connection ended'))
  expect(told).toEqual([])
  later[0]?.onReply(2, 0)
  expect(told).toEqual(['read 2'])
})
