import { Client, credentials, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvokeReply, InvokeRequest } from '#generated/commandable/commandable'
import { commandableSessions } from '../../../../src/commandable/commands.js'
import { commandableService } from '../../../../src/grpc/services/commandable.js'
import type { GrpcServer } from '../../../../src/grpc/transport/server.js'
import { startTestGrpc } from '../../../support/grpc.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { recordCalls } from '../../../support/observer.js'
import { sessionsAt } from '../../../support/sessions.js'

class Store extends MemoryStore {
  readonly failure = new Error('a secret')

  override async get(id: string) {
    if (id === 'fails') {
      throw this.failure
    }
    return super.get(id)
  }
}

const store = new Store()
const calls = recordCalls()
let server: GrpcServer
let client: Client

beforeAll(async () => {
  const { sessions } = sessionsAt({}, store)
  const service = commandableService(commandableSessions(sessions), calls)
  server = await startTestGrpc({ 'commandable.Commandable': service })
  client = new Client(server.address, credentials.createInsecure())
})
afterAll(async () => {
  client.close()
  await server.close(0)
})

/** One call; rejects with the status. */
function invoke(request: Partial<InvokeRequest> | Uint8Array): Promise<InvokeReply> {
  const empty = { method: '', correlationId: 'c/1', argsEmpty: false, argsJson: '' }
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest<Uint8Array, InvokeReply>(
      '/commandable.Commandable/invoke',
      (bytes) => Buffer.from(bytes),
      (bytes) => InvokeReply.decode(bytes),
      request instanceof Uint8Array
        ? request
        : InvokeRequest.encode({ ...empty, ...request }).finish(),
      (error, reply) => (error ? reject(error) : resolve(reply as InvokeReply)),
    ),
  )
}

const run = (command: string, args?: object) =>
  invoke({
    method: `v1/sessions.${command}`,
    ...(args ? { argsJson: JSON.stringify(args) } : { argsEmpty: true }),
  })

describe('commandable.Commandable', () => {
  it('answers with JSON, or says that the result is null', async () => {
    const opened = await run('open_session', { user_id: 'ann', data: [1, 'é'] })
    expect(opened).toMatchObject({ error: undefined, resultEmpty: false })
    const session = JSON.parse(opened.resultJson)
    expect(session).toMatchObject({ user_id: 'ann', data: [1, 'é'] })
    const { user, data, ...listed } = session
    const list = await run('get_sessions')
    expect(JSON.parse(list.resultJson)).toEqual({ total: null, data: [listed] })
    const nothing = { error: undefined, resultEmpty: true, resultJson: '' }
    expect(await run('get_session_by_id', { session_id: 'none' })).toEqual(nothing)
    expect(await run('close_expired_sessions')).toEqual(nothing)
    expect(await invoke({ method: 'v1/sessions.close_expired_sessions' })).toEqual(nothing)
  })

  it('passes over arguments that are said to be empty', async () => {
    const method = 'v1/sessions.get_session_by_id'
    const { error } = await invoke({ method, argsEmpty: true, argsJson: '{"session_id":"x"}' })
    expect(error).toMatchObject({ code: 'MISSING_FIELD' })
  })

  it('answers an error with its description, while the status is OK', async () => {
    expect(await run('store_session_data', { session_id: 'none', data: 1 })).toEqual({
      error: {
        ...{ category: 'NotFound', code: 'NOT_FOUND', correlationId: 'c/1', status: 404 },
        ...{ message: 'there is no session none', cause: '', stackTrace: '' },
        details: new Map([['session_id', 'none']]),
      },
      resultEmpty: true,
      resultJson: '',
    })
  })

  it.each(['{bad', '[1]', '"x"', '['.repeat(999)])('refuses %j for arguments', async (argsJson) => {
    const { error } = await invoke({ method: 'v1/sessions.get_sessions', argsJson })
    expect(error).toMatchObject({ category: 'BadRequest', code: 'InvalidContent', status: 400 })
  })

  it.each(['v1/sessions.load_session', 'v1/sessions.constructor', 'get_sessions', ''])(
    'knows no method %j',
    async (method) => {
      expect(await invoke({ method, argsJson: '{bad' })).toEqual({
        error: {
          ...{ category: 'FailedInvocation', code: 'METHOD_NOT_FOUND', correlationId: 'c/1' },
          ...{ status: 500, message: `Method ${method} was not found`, cause: '', stackTrace: '' },
          details: new Map([['method', method]]),
        },
        resultEmpty: true,
        resultJson: '',
      })
      expect(calls.ended.at(-1)?.error).toMatchObject({ code: 'METHOD_NOT_FOUND' })
    },
  )

  it('fails with a status that says nothing of the inside', async () => {
    await expect(run('get_session_by_id', { session_id: 'fails' })).rejects.toMatchObject({
      code: status.INTERNAL,
      details: expect.stringMatching(/^internal error \(request \S+\)$/),
    })
    expect(calls.internal).toEqual([['commandable.Commandable/invoke', store.failure]])
    await expect(invoke(Buffer.of(0x12, 5, 1))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    })
  })
})
