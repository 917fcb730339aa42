import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CallObserver } from '../../../../src/core/calls.js'
import { MissingFieldError } from '../../../../src/core/errors.js'
import { createClient } from '../../../support/create.js'
import { createService, startTestGrpc } from '../../../support/grpc.js'
import { recordCalls } from '../../../support/observer.js'

/** A server whose Create is `handle`. */
async function serve(handle: () => Promise<Buffer>, observed?: CallObserver) {
  const { observer, ended } = recordCalls()
  const server = await startTestGrpc(createService(handle, observed ?? observer))
  const client = createClient(server.address)
  const raw = new Client(server.address, credentials.createInsecure())
  onTestFinished(async () => {
    client.close()
    raw.close()
    await server.close(0)
  })
  /** The error that a call with this id gets. */
  const refused = (id: string) => {
    const metadata = new Metadata()
    metadata.set('x-request-id', id)
    const same = (bytes: Buffer) => bytes
    return new Promise<ServiceError | null>((resolve) =>
      raw.makeUnaryRequest('/session.Session/Create', same, same, Buffer.of(1), metadata, resolve),
    )
  }
  return { ended, server, refused, call: () => client.create(Buffer.from('request')) }
}

const SECRET = 'the seed is 9d61b19d'

describe('a handler', () => {
  it.each<[string, () => Promise<Buffer>]>([
    [
      'throws',
      () => {
        throw new Error(SECRET)
      },
    ],
    ['rejects', () => Promise.reject(new Error(SECRET))],
    ['rejects with what is no error', () => Promise.reject(SECRET)],
    [
      'rejects with the likeness of a status',
      () => Promise.reject(Object.assign(new Error(SECRET), { code: 5, details: SECRET })),
    ],
  ])('that %s tells the client nothing and the operator all', async (_, handle) => {
    const { ended, call } = await serve(handle)
    const refused = await call().catch((error) => error)
    expect(refused).toMatchObject({
      code: 'INTERNAL',
      message: 'internal error (request made)',
      reason: undefined,
    })
    expect(ended).toEqual([
      expect.objectContaining({
        method: 'session.Session/Create',
        code: 'INTERNAL',
        isInternal: true,
      }),
    ])
    expect(String(ended[0]?.error)).toContain(SECRET)
    // The process goes on, and so does the server.
    await expect(call()).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('that refuses tells the client why, and the observer the same', async () => {
    const { ended, call } = await serve(() => Promise.reject(new MissingFieldError('body')))
    await expect(call()).rejects.toMatchObject({ reason: 'MISSING_FIELD', field: 'body' })
    expect(ended).toMatchObject([{ code: 'INVALID_ARGUMENT', isInternal: false }])
    expect(ended[0]?.error).toBeInstanceOf(MissingFieldError)
  })

  it('that answers is told of as OK', async () => {
    const { ended, refused } = await serve(async () => Buffer.of(1))
    expect(await refused('a')).toBeNull()
    expect(ended).toMatchObject([{ transport: 'grpc', code: 'OK', error: undefined }])
    expect(ended[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  it('whose answer fails to be given ends its own call alone', async () => {
    let failures = 1
    const { refused } = await serve(async () => Buffer.of(1), {
      begin: (incoming) => {
        const running = recordCalls().observer.begin(incoming)
        return {
          ...running,
          end(outcome) {
            if (failures-- > 0) {
              throw new Error(SECRET)
            }
            running.end(outcome)
          },
        }
      },
    })
    await refused('a')
    expect(await refused('b')).toBeNull()
    expect(failures).toBe(-2)
  })

  it('gives the id of what it refused or failed back in the trailers', async () => {
    const { ended, refused } = await serve(() => Promise.reject(new MissingFieldError('body')))
    const error = await refused('my-id.1')
    expect(error?.metadata.get('x-request-id')).toEqual(['my-id.1'])
    expect(ended[0]?.givenId).toBe('my-id.1')
    const failing = await serve(() => Promise.reject(new Error(SECRET)))
    expect((await failing.refused('my-id.2'))?.details).toBe('internal error (request my-id.2)')
  })
})

describe('a server that closes', () => {
  it('cuts the calls that outlast the grace period', async () => {
    let onBegun = () => {}
    const begun = new Promise<void>((resolve) => {
      onBegun = resolve
    })
    const { call, server } = await serve(() => {
      onBegun()
      return new Promise(() => {})
    })
    const cut = expect(call()).rejects.toHaveProperty('code')
    await begun
    await server.close(20)
    await cut
    await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
