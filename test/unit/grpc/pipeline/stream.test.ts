import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Client, credentials } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { callServerStream } from '../../../../src/client/connection/call.js'
import type { CallObserver } from '../../../../src/core/calls.js'
import { MissingFieldError } from '../../../../src/core/errors.js'
import { grpcService } from '../../../../src/grpc/pipeline/pipeline.js'
import { stopTimers } from '../../../support/clock.js'
import { type Answers, startTestGrpc, streamBytes } from '../../../support/grpc.js'
import { recordCalls } from '../../../support/observer.js'

const CHUNK = Buffer.alloc(64 * 1024)

/** A server whose Backup is `handle`, and calls of it. */
async function serve(handle: Answers, observing = (observer: CallObserver) => observer) {
  const { observer, ended } = recordCalls()
  const server = await startTestGrpc({
    'sessiond.v1.Admin': grpcService(
      'sessiond.v1.Admin',
      { Backup: streamBytes(handle) },
      { observer: observing(observer) },
    ),
  })
  const client = new Client(server.address, credentials.createInsecure())
  onTestFinished(async () => {
    client.close()
    await server.close(0)
  })
  const call = (method = 'Backup', signal?: AbortSignal) =>
    callServerStream(client, `/sessiond.v1.Admin/${method}`, Buffer.from('request'), signal)
  return { ended, call, address: server.address }
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = []
  for await (const chunk of chunks) {
    texts.push(Buffer.from(chunk).toString())
  }
  return texts
}

/** A promise, and what resolves it. */
function signpost() {
  let reach = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return { reach: () => reach(), reached }
}

describe('a handler that streams', () => {
  it('answers in order, with the request at hand', async () => {
    const { call } = await serve(async function* (request) {
      yield Buffer.concat([request, Buffer.from(' 1')])
      yield Buffer.from('2')
    })
    expect(await all(call())).toEqual(['request 1', '2'])
  })

  it('that refuses tells why, after what it had sent', async () => {
    const { call, ended } = await serve(async function* () {
      yield Buffer.from('1')
      throw new MissingFieldError('body')
    })
    const stream = call()
    expect((await stream.next()).value).toEqual(Buffer.from('1'))
    await expect(stream.next()).rejects.toMatchObject({ code: 'MISSING_FIELD', field: 'body' })
    expect(ended).toMatchObject([{ code: 'INVALID_ARGUMENT', isInternal: false }])
  })

  it.each<[string, Answers]>([
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    [
      'throws while it answers',
      // biome-ignore lint/correctness/useYield: it throws first.
      async function* () {
        throw new Error('secret')
      },
    ],
  ])('that %s tells the client nothing and the operator all', async (_, handle) => {
    const { call, ended } = await serve(handle)
    await expect(all(call())).rejects.toMatchObject({
      message: 'internal error (request made)',
    })
    expect(ended).toMatchObject([
      { method: 'sessiond.v1.Admin/Backup', isInternal: true, error: new Error('secret') },
    ])
  })

  it('whose answer fails to be told of ends its own call alone', async () => {
    let failures = 2
    const { call, ended } = await serve(
      async function* () {
        yield Buffer.from('1')
      },
      (observer) => ({
        begin: (incoming) => {
          const running = observer.begin(incoming)
          return {
            ...running,
            end(outcome) {
              if (failures-- > 0) {
                throw new Error('secret')
              }
              running.end(outcome)
            },
          }
        },
      }),
    )
    await all(call()).catch(() => {})
    await expect.poll(() => ended).toMatchObject([{ code: 'INTERNAL' }])
    expect(await all(call())).toEqual(['1'])
  })

  it('is asked for no more than the client takes, and returned when the client goes', async () => {
    const { reach, reached } = signpost()
    let sent = 0
    let signalled = false
    const { call, ended } = await serve(async function* (_request, { signal }) {
      signal.addEventListener('abort', () => {
        signalled = true
      })
      try {
        for (;;) {
          sent++
          yield CHUNK
        }
      } finally {
        reach()
      }
    })
    for await (const _ of call()) {
      break
    }
    // It would go on for ever were it not held back and then let go.
    await reached
    expect(signalled).toBe(true)
    expect(sent).toBeLessThan(1000)
    await expect.poll(() => ended).toMatchObject([{ code: 'CANCELLED' }])
  })

  it('is told when its deadline passes, though the client takes nothing', async () => {
    const passMs = stopTimers()
    const begun = signpost()
    const aborted = signpost()
    const { address, ended } = await serve(async function* (_request, { signal }) {
      signal.addEventListener('abort', aborted.reach)
      begun.reach()
      for (;;) {
        yield CHUNK
      }
    })
    const session = connectHttp2(`http://${address}`, { settings: { initialWindowSize: 0 } })
    onTestFinished(() => session.destroy())
    await once(session, 'remoteSettings')
    session
      .request({
        ':method': 'POST',
        ':path': '/sessiond.v1.Admin/Backup',
        'content-type': 'application/grpc',
        'grpc-timeout': '100m',
      })
      .on('error', () => {})
      .end(Buffer.alloc(5))
    await begun.reached
    passMs(101)
    await aborted.reached
    await expect.poll(() => ended).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }])
  })

  it('ends for a caller that aborts, with the reason', async () => {
    const { reach, reached } = signpost()
    const { call } = await serve(async function* (_request, { signal }) {
      yield CHUNK
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reach()
    })
    const controller = new AbortController()
    const stream = call('Backup', controller.signal)
    await stream.next()
    controller.abort(new Error('enough'))
    await expect(stream.next()).rejects.toThrow('enough')
    await reached
  })
})

it('a method of the service that has no handler is UNIMPLEMENTED', async () => {
  const { call } = await serve(async function* () {})
  await expect(all(call('Check'))).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
})
