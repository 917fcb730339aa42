import {
  SessionIdRequest,
  SessionOpenRequest,
  SessionPageRequest,
  SessionStoreDataRequest,
} from '../../dist/generated/sessions_v1/sessions.js'

const correlationId = ''

/** What gRPC sends for an act, by command. */
export const encoders = {
  open_session: (act) =>
    SessionOpenRequest.encode({
      ...{ correlationId, userId: act.user_id, userName: act.user_name },
      ...{ address: act.address, client: act.client },
      ...{ user: JSON.stringify(act.user), data: JSON.stringify(act.data) },
    }),

  get_sessions: ({ paging: { skip, take } }) =>
    SessionPageRequest.encode({
      ...{ correlationId, filter: new Map() },
      paging: { skip: BigInt(skip), take, total: false },
    }),

  get_session_by_id: (act) => SessionIdRequest.encode({ correlationId, sessionId: act.session_id }),

  store_session_data: (act) =>
    SessionStoreDataRequest.encode({
      ...{ correlationId, sessionId: act.session_id, data: JSON.stringify(act.data) },
    }),
}
