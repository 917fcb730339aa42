import type { handleUnaryCall, Metadata } from '@grpc/grpc-js'
import {
  type ErrorDescription,
  SessionEmptyReply,
  SessionEmptyRequest,
  SessionIdRequest,
  SessionObjectReply,
  SessionOpenRequest,
  SessionPageReply,
  SessionPageRequest,
  SessionStoreDataRequest,
  SessionUpdateUserRequest,
} from '#generated/sessions_v1/sessions'
import type { CallObserver } from '../../core/calls.js'
import type { Sessions } from '../../core/commands/sessions.js'
import type { Caller } from '../../core/operators/audit.js'
import type { Session } from '../../core/session.js'
import { callerOf } from '../pipeline/caller.js'
import { type Codec, decode, rawDefinition } from '../pipeline/contracts.js'
import { unary } from '../pipeline/handler.js'
import type { GrpcService } from '../transport/server.js'
import { describe } from './error-description.js'
import { listArguments, readJsonText, toListedSession, toWireSession } from './session-fields.js'
import { hasMark, takeOnly, textUnder, userIdIn } from './session-metadata.js'

/**
 * `sessions_v1.Sessions`: the sessions commands as existing clients call them, and as our bridge does,
 * which says more in the metadata (docs/protocols/sessions-v1.md).
 */
export function sessionsService(sessions: Sessions, observer: CallObserver): GrpcService {
  /** A method: what its use case refuses stands in the reply, all else in the call's status. */
  function method<
    Request extends { correlationId: string },
    Reply extends { error: ErrorDescription | undefined },
  >(
    requestCodec: Codec<Request>,
    replyCodec: Codec<Reply>,
    answer: (request: Request, metadata: Metadata, caller: Caller) => Promise<Omit<Reply, 'error'>>,
  ): handleUnaryCall<Buffer, Buffer> {
    return unary(async (bytes, call, onRefused) => {
      const request = decode(requestCodec, bytes)
      const reply = await answer(request, call.metadata, callerOf(call)).then(
        (result) => ({ ...result, error: undefined }),
        (error: unknown) => {
          const described = describe(error, request.correlationId)
          onRefused(error)
          return { error: described }
        },
      )
      return Buffer.from(replyCodec.encode(reply as Reply).finish())
    }, observer)
  }

  async function get({ sessionId }: SessionIdRequest, metadata: Metadata) {
    takeOnly(metadata, 'sessiond-user-id-bin', 'sessiond-load')
    const userId = userIdIn(metadata)
    if (hasMark(metadata, 'sessiond-load')) {
      return object(await sessions.load(userId ?? '', sessionId))
    }
    const session = await sessions.get(sessionId)
    return object(userId === undefined || session?.userId === userId ? session : null)
  }

  async function close({ sessionId }: SessionIdRequest, metadata: Metadata, caller: Caller) {
    const userId = userIdIn(metadata)
    if (sessionId !== '' || userId === undefined) {
      takeOnly(metadata)
      return object(await sessions.close(sessionId, caller))
    }
    takeOnly(metadata, 'sessiond-user-id-bin', 'sessiond-address-bin', 'sessiond-client-bin')
    const address = textUnder(metadata, 'sessiond-address-bin') ?? ''
    const client = textUnder(metadata, 'sessiond-client-bin') ?? ''
    await sessions.closeOpened(userId, address, client, caller)
    return object(null)
  }

  return {
    definition: rawDefinition('sessions_v1.Sessions'),
    implementation: {
      get_sessions: method(SessionPageRequest, SessionPageReply, async (request, metadata) => {
        takeOnly(metadata, 'sessiond-with-data')
        const shown = hasMark(metadata, 'sessiond-with-data') ? toWireSession : toListedSession
        const { sessions: found, total } = await sessions.list(listArguments(request))
        return { page: { total: BigInt(total ?? 0), data: found.map(shown) } }
      }),
      get_session_by_id: method(SessionIdRequest, SessionObjectReply, get),
      open_session: method(SessionOpenRequest, SessionObjectReply, async (request, metadata) => {
        takeOnly(metadata)
        const { userId, userName, address, client } = request
        const user = readJsonText('user', request.user)
        const data = readJsonText('data', request.data)
        const session = await sessions.open({
          ...{ userId, address, client },
          ...(userName !== '' && { userName }),
          ...(user !== undefined && { user }),
          ...(data !== undefined && { data }),
        })
        return object(session)
      }),
      store_session_data: method(
        SessionStoreDataRequest,
        SessionObjectReply,
        async ({ sessionId, data }, metadata) => {
          takeOnly(metadata, 'sessiond-user-id-bin')
          const json = readJsonText('data', data) ?? null
          return object(await sessions.storeData(sessionId, json, { userId: userIdIn(metadata) }))
        },
      ),
      update_session_user: method(
        SessionUpdateUserRequest,
        SessionObjectReply,
        async ({ sessionId, user }, metadata) => {
          takeOnly(metadata)
          return object(await sessions.updateUser(sessionId, readJsonText('user', user) ?? null))
        },
      ),
      close_session: method(SessionIdRequest, SessionObjectReply, close),
      delete_session_by_id: method(
        SessionIdRequest,
        SessionObjectReply,
        async ({ sessionId }, metadata, caller) => {
          takeOnly(metadata, 'sessiond-user-id-bin')
          return object(await sessions.delete(sessionId, { userId: userIdIn(metadata) }, caller))
        },
      ),
      close_expired_sessions: method(
        SessionEmptyRequest,
        SessionEmptyReply,
        async (_, metadata) => {
          takeOnly(metadata)
          await sessions.closeExpired()
          return {}
        },
      ),
    },
  }
}

function object(session: Session | null): Pick<SessionObjectReply, 'session'> {
  return { session: session === null ? undefined : toWireSession(session) }
}
