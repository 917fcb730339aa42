import { status } from '@grpc/grpc-js'
import { expect, it } from 'vitest'
import { OpenStreams } from '../../../../src/grpc/transport/open-streams.js'

/** A call that has begun under the interceptor: what it was told, and how its client cancels it. */
function begin(streams: OpenStreams, responseStream: boolean) {
  const told: unknown[] = []
  let cancel = () => {}
  const call = {
    start(listener: { onCancel(): void }) {
      cancel = () => listener.onCancel()
    },
    sendStatus: ({ code }: { code: status }) => told.push(code),
  }
  const listener = { onCancel() {} }
  streams.interceptor({ responseStream } as never, call as never).start(listener as never)
  return { told, cancel: () => cancel() }
}

it('ends the streams that are open, and those that come later, and nothing else', () => {
  const streams = new OpenStreams()
  const [open, cancelled, unary] = [true, true, false].map((isStream) => begin(streams, isStream))
  cancelled?.cancel()
  expect(open?.told).toEqual([])
  streams.stop()
  const late = begin(streams, true)
  const told = [open, cancelled, unary, late].map((call) => call?.told)
  expect(told).toEqual([[status.UNAVAILABLE], [], [], [status.UNAVAILABLE]])
})
