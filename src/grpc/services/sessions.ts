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
import { type Detailed, detailsOf, type ReplyCodec, withDetails } from './session-details.js'
import { listArguments, readJsonText, toListedSession, toWireSession } from './session-fields.js'
import { hasMark, takeOnly, textUnder, userIdIn } from './session-metadata.js'

/**
 * `sessions_v1.Sessions`: the sessions commands, for existing clients and for our bridge, which adds arguments in the
 * metadata (docs/protocols/sessions-v1.md).
 */
export function sessionsService(sessions: Sessions, ports: PipelinePorts): GrpcService {
  const command = commandsOf(sessions)
  const methods = { ...reads(sessions, command), ...writes(sessions, command) }
  return grpcService('sessions_v1.Sessions', methods, ports)
}

/** What a command returns. */
interface Answer<Reply> {
  readonly reply: Omit<Reply, 'error'>
  /** The sessions of the reply, in its order. */
  readonly shown: readonly Session[]
}

type Command = ReturnType<typeof commandsOf>

/** Makes methods. Their replies carry refusals of the use case; every other error becomes the status of the call. */
function commandsOf(sessions: Sessions) {
  const detailed = (session: Session) => detailsOf(session, sessions.expiresAtMs(session))
  return <
    Request extends { correlationId: string },
    Reply extends { error: ErrorDescription | undefined },
  >(
    request: Codec<Request>,
    response: ReplyCodec<Reply>,
    answer: (request: Request, call: Call) => Promise<Answer<Reply>>,
  ): UnaryMethod =>
    unary({
      request,
      response: withDetails(response),
      async handle(asked, call) {
        try {
          const isDetailed = hasMark(call.metadata, 'sessiond-with-details')
          const { reply, shown } = await answer(asked, call)
          const details = isDetailed ? shown.map(detailed) : undefined
          return { ...reply, error: undefined, details } as Detailed<Reply>
        } catch (error) {
          const described = describe(error, asked.correlationId)
          call.refuseInAnswer(error)
          return { error: described } as Detailed<Reply>
        }
      },
    })
}

function reads(sessions: Sessions, command: Command): Methods {
  return {
    get_sessions: command(SessionPageRequest, SessionPageReply, async (request, call) => {
      const { metadata, signal } = call
      takeOnly(metadata, 'sessiond-with-data')
      const toWire = hasMark(metadata, 'sessiond-with-data') ? toWireSession : toListedSession
      const { sessions: found, total } = await sessions.list(listArguments(request), signal)
      const page = { total: BigInt(total ?? 0), data: found.map(toWire) }
      return { reply: { page }, shown: found }
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
        const isTheirs = userId === undefined || session?.userId === userId
        return object(isTheirs ? session : null)
      },
    ),
  }
}

function writes(sessions: Sessions, command: Command): Methods {
  return {
    open_session: command(SessionOpenRequest, SessionObjectReply, async (request, { metadata }) => {
      takeOnly(metadata)
      const { userId, userName, address, client } = request
      const user = readJsonText('user', request.user)
      const data = readJsonText('data', request.data)
      const session = await sessions.open({
        userId,
        userName: userName === '' ? undefined : userName,
        address,
        client,
        user,
        data,
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
        return { reply: {}, shown: [] }
      },
    ),
  }
}

/** Closes a session by its id, or by the user, address and client in the metadata. */
async function close(
  sessions: Sessions,
  { sessionId }: SessionIdRequest,
  { metadata, caller }: Call,
): Promise<Answer<SessionObjectReply>> {
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

function object(session: Session | null): Answer<SessionObjectReply> {
  return session === null
    ? { reply: { session: undefined }, shown: [] }
    : { reply: { session: toWireSession(session) }, shown: [session] }
}
