import { expect, it } from 'vitest'
import { Batch, type Call } from '../../../../../src/stores/valkey/connection/batch.js'
import { EngineError, type Reply } from '../../../../../src/stores/valkey/connection/reply.js'

it('a call that was redirected is not lost with the connection that it left', () => {
  const told: string[] = []
  const call = (name: string): Call => ({
    ...{ request: Buffer.from(name), channel: undefined, isAsking: false, deadlineAtMs: 0 },
    ...{ wasSent: false, isDone: false },
    onReply(reply: Reply | EngineError) {
      told.push(`${name} ${reply instanceof EngineError ? reply.code : reply}`)
      // It is on its way to another node.
      this.isDone = !(reply instanceof EngineError)
    },
    onLost: () => told.push(`${name} lost`),
  })
  const batch = new Batch([call('moves'), call('waits')], null, {
    onDone: (one) => {
      one.isDone = true
    },
    onEnd: () => {},
  })
  batch.onReply(new EngineError('MOVED 1 127.0.0.1:2'), 0)
  batch.onLost(new Error('the connection ended'))
  expect(told).toEqual(['moves MOVED', 'waits lost'])
})
