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
import type { Sessions } from '../../core/commands/sessions.js'
import type { Session } from '../../core/session.js'
import type { Call } from '../pipeline/call.js'
import type { Codec, GrpcService } from '../pipeline/contracts.js'
import { type Methods, type UnaryMethod, unary } from '../pipeline/method.js'
import { grpcService, type PipelinePorts } from '../pipeline/pipeline.js'
import { describe } from './error-description.js'
import { listArguments, readJsonText, toListedSession, toWireSession } from './session-fields.js'
import { hasMark, takeOnly, textUnder, userIdIn } from './session-metadata.js'

/**
 * `sessions_v1.Sessions`: the sessions commands, for existing clients and for our bridge, which adds arguments in the
 * metadata (docs/protocols/sessions-v1.md).
 */
export function sessionsService(sessions: Sessions, ports: PipelinePorts): GrpcService {
  return grpcService('sessions_v1.Sessions', { ...reads(sessions), ...writes(sessions) }, ports)
}

/** A command. The reply carries refusals of its use case; every other error becomes the status of the call. */
function command<
  Request extends { correlationId: string },
  Reply extends { error: ErrorDescription | undefined },
>(
  request: Codec<Request>,
  response: Codec<Reply>,
  answer: (request: Request, call: Call) => Promise<Omit<Reply, 'error'>>,
): UnaryMethod {
  return unary({
    request,
    response,
    async handle(asked, call) {
      try {
        return { ...(await answer(asked, call)), error: undefined } as Reply
      } catch (error) {
        const described = describe(error, asked.correlationId)
        call.refuseInAnswer(error)
        return { error: described } as Reply
      }
    },
  })
}

function reads(sessions: Sessions): Methods {
  return {
    get_sessions: command(SessionPageRequest, SessionPageReply, async (request, call) => {
      const { metadata, signal } = call
      takeOnly(metadata, 'sessiond-with-data')
      const shown = hasMark(metadata, 'sessiond-with-data') ? toWireSession : toListedSession
      const { sessions: found, total } = await sessions.list(listArguments(request), signal)
      return { page: { total: BigInt(total ?? 0), data: found.map(shown) } }
    }),
    get_session_by_id: command(
      SessionIdRequest,
      SessionObjectReply,
      async ({ sessionId }, { metadata }) => {
        takeOnly(metadata, 'sessiond-user-id-bin', 'sessiond-load')
        const userId = userIdIn(metadata)
        if (hasMark(metadata, 'sessiond-load')) {
          return object(await sessions.load(userId ?? '', sessionId))
        }
        const session = await sessions.get(sessionId)
        return object(userId === undefined || session?.userId === userId ? session : null)
      },
    ),
  }
}

function writes(sessions: Sessions): Methods {
  return {
    open_session: command(SessionOpenRequest, SessionObjectReply, async (request, { metadata }) => {
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
    store_session_data: command(
      SessionStoreDataRequest,
      SessionObjectReply,
      async ({ sessionId, data }, { metadata }) => {
        takeOnly(metadata, 'sessiond-user-id-bin')
        const json = readJsonText('data', data) ?? null
        return object(await sessions.storeData(sessionId, json, { userId: userIdIn(metadata) }))
      },
    ),
    update_session_user: command(
      SessionUpdateUserRequest,
      SessionObjectReply,
      async ({ sessionId, user }, { metadata }) => {
        takeOnly(metadata)
        return object(await sessions.updateUser(sessionId, readJsonText('user', user) ?? null))
      },
    ),
    close_session: command(SessionIdRequest, SessionObjectReply, (request, call) =>
      close(sessions, request, call),
    ),
    delete_session_by_id: command(
      SessionIdRequest,
      SessionObjectReply,
      async ({ sessionId }, { metadata, caller }) => {
        takeOnly(metadata, 'sessiond-user-id-bin')
        return object(await sessions.delete(sessionId, { userId: userIdIn(metadata) }, caller))
      },
    ),
    close_expired_sessions: command(
      SessionEmptyRequest,
      SessionEmptyReply,
      async (_, { metadata }) => {
        takeOnly(metadata)
        await sessions.closeExpired()
        return {}
      },
    ),
  }
}

/** Closes a session by its id, or by the user, address and client in the metadata. */
async function close(
  sessions: Sessions,
  { sessionId }: SessionIdRequest,
  { metadata, caller }: Call,
): Promise<Pick<SessionObjectReply, 'session'>> {
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

function object(session: Session | null): Pick<SessionObjectReply, 'session'> {
  return { session: session === null ? undefined : toWireSession(session) }
}
