import { describe, expect, it, onTestFinished } from 'vitest'
import { MissingFieldError } from '../../src/core/errors.js'
import { serviceDefinition } from '../../src/grpc/contracts.js'
import { unary } from '../../src/grpc/handler.js'
import { createClient } from '../support/create.js'
import { startTestGrpc } from '../support/grpc.js'

/** A server whose Create is `handle`; what reached `onInternalError` is in `seen`. */
async function serve(handle: () => Promise<Buffer>) {
  const seen: [method: string, error: unknown][] = []
  const { Create } = serviceDefinition('session.Session')
  const definition = {
    Create: {
      ...Create,
      requestDeserialize: (b: Buffer) => b,
      responseSerialize: (b: Buffer) => b,
    },
  } as ReturnType<typeof serviceDefinition>
  const server = await startTestGrpc({
    'session.Session': {
      definition,
      implementation: { Create: unary(handle, (...args) => seen.push(args)) },
    },
  })
  const client = createClient(server.address)
  onTestFinished(async () => {
    client.close()
    await server.close(0)
  })
  return { seen, server, call: () => client.create(Buffer.from('request')) }
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
    const { seen, call } = await serve(handle)
    const refused = await call().catch((error) => error)
    expect(refused).toMatchObject({
      code: 'INTERNAL',
      message: 'internal error',
      reason: undefined,
    })
    expect(seen).toEqual([['/session.Session/Create', expect.anything()]])
    expect(JSON.stringify(seen.map(([, error]) => String(error)))).toContain(SECRET)
    // The process goes on, and so does the server.
    await expect(call()).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('that refuses tells the client why, and the operator nothing', async () => {
    const { seen, call } = await serve(() => Promise.reject(new MissingFieldError('body')))
    await expect(call()).rejects.toMatchObject({ reason: 'MISSING_FIELD', field: 'body' })
    expect(seen).toEqual([])
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
