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
import type { Caller } from '../core/audit.js'
import type { CallObserver } from '../core/calls.js'
import { MissingFieldError } from '../core/errors.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { callerOf } from './caller.js'
import { type Codec, decode, rawDefinition } from './contracts.js'
import { describe } from './error-description.js'
import { unary } from './handler.js'
import type { GrpcService } from './server.js'
import { readJsonText, readListArguments, toWireSession } from './session-fields.js'

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
    const userId = text(metadata, 'sessiond-user-id-bin')
    if (metadata.get('sessiond-load')[0] === '1') {
      return object(await sessions.load(userId ?? '', sessionId))
    }
    const session = await sessions.get(sessionId)
    return object(userId === undefined || session?.userId === userId ? session : null)
  }

  async function close({ sessionId }: SessionIdRequest, metadata: Metadata, caller: Caller) {
    const userId = text(metadata, 'sessiond-user-id-bin')
    if (sessionId !== '' || userId === undefined) {
      return object(await sessions.close(sessionId, caller))
    }
    const address = text(metadata, 'sessiond-address-bin') ?? ''
    const client = text(metadata, 'sessiond-client-bin') ?? ''
    await sessions.closeOpened(userId, address, client, caller)
    return object(null)
  }

  return {
    definition: rawDefinition('sessions_v1.Sessions'),
    implementation: {
      get_sessions: method(SessionPageRequest, SessionPageReply, async (request) => {
        const { sessions: found, total } = await sessions.list(readListArguments(request))
        return { page: { total: BigInt(total ?? 0), data: found.map(toWireSession) } }
      }),
      get_session_by_id: method(SessionIdRequest, SessionObjectReply, get),
      open_session: method(SessionOpenRequest, SessionObjectReply, async (request) => {
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
          const userId = text(metadata, 'sessiond-user-id-bin')
          return object(await sessions.storeData(sessionId, requiredJson('data', data), userId))
        },
      ),
      update_session_user: method(
        SessionUpdateUserRequest,
        SessionObjectReply,
        async ({ sessionId, user }) =>
          object(await sessions.updateUser(sessionId, requiredJson('user', user))),
      ),
      close_session: method(SessionIdRequest, SessionObjectReply, close),
      delete_session_by_id: method(
        SessionIdRequest,
        SessionObjectReply,
        async ({ sessionId }, metadata, caller) => {
          const userId = text(metadata, 'sessiond-user-id-bin')
          return object(await sessions.delete(sessionId, userId, caller))
        },
      ),
      close_expired_sessions: method(SessionEmptyRequest, SessionEmptyReply, async () => {
        await sessions.closeExpired()
        return {}
      }),
    },
  }
}

function object(session: Session | null): Pick<SessionObjectReply, 'session'> {
  return { session: session === null ? undefined : toWireSession(session) }
}

function requiredJson(field: string, json: string): string | null {
  const value = readJsonText(field, json)
  if (value === undefined) {
    throw new MissingFieldError(field)
  }
  return value
}

/** The text under a binary key, for texts in plain metadata are ASCII. */
function text(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key)
  return value === undefined ? undefined : value.toString()
}
