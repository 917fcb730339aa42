import { status } from '@grpc/grpc-js'
import { expect } from 'vitest'
import { InvokeReply, InvokeRequest } from '#generated/commandable/commandable'
import { commandableSessions } from '../../src/commandable/commands.js'
import { STATUS_CODES } from '../../src/grpc/pipeline/status.js'
import { commandableService } from '../../src/grpc/services/commandable.js'
import { incomingCall } from '../support/grpc.js'
import { pick } from '../support/mutate.js'
import { recordCalls } from '../support/observer.js'
import { CALLER, sessionsAt } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateBytes, mutateJson } from './mutations.js'

const { sessions } = sessionsAt()
const { observer, ended, internal } = recordCalls()
const { invoke } = commandableService(commandableSessions(sessions), { observer })
  .implementation as {
  invoke(call: object, callback: (error: { code: status } | null, reply: Buffer) => void): void
}
const MAPPED = new Set(Object.values(STATUS_CODES))

const filter = { user_id: 'u', active: 'true', from_time: '1', to_time: '2030-01-01' }
const CALLS: readonly (readonly [command: string, args: object])[] = [
  ['open_session', { user_id: 'u', user_name: 'Ü', address: null, user: { id: 'u' }, data: [1] }],
  ['get_sessions', { filter, paging: { skip: 1, take: null, total: true } }],
  ['get_session_by_id', { session_id: 's' }],
  ['store_session_data', { session_id: 's', data: [1, { a: null }] }],
  ['update_session_user', { session_id: 's', user: 'x' }],
  ['close_session', { session_id: 's' }],
  ['delete_session_by_id', { session_id: 's' }],
  ['close_expired_sessions', {}],
]

let checks = 0

fuzz({
  name: 'commandable',
  seeds: CALLS.map(([command, args]) =>
    InvokeRequest.encode({
      method: `v1/sessions.${command}`,
      correlationId: 'c',
      argsEmpty: false,
      argsJson: JSON.stringify(args),
    }).finish(),
  ),
  mutate: (random, originals) => pick(random, [mutateBytes, mutateJson])(random, originals),
  reaches: ['result', 'null', 'METHOD_NOT_FOUND', 'INVALID_FIELD', 'InvalidContent'],
  async check(input) {
    const [error, bytes] = await new Promise<[{ code: status } | null, Buffer]>((resolve) =>
      invoke(incomingCall('/commandable.Commandable/invoke', input), (...outcome) =>
        resolve(outcome),
      ),
    )
    expect(internal).toEqual([])
    ended.length = 0
    if (checks++ % 500 === 0) {
      for (const { id } of (await sessions.list({})).sessions) {
        await sessions.delete(id, {}, CALLER)
      }
    }
    if (error !== null) {
      expect(MAPPED).toContain(error.code)
      return status[error.code] ?? ''
    }
    const reply = InvokeReply.decode(bytes)
    if (reply.error !== undefined) {
      return reply.error.code
    }
    expect(reply.resultEmpty).toBe(reply.resultJson === '')
    return reply.resultEmpty ? 'null' : typeof JSON.parse(reply.resultJson) && 'result'
  },
})
