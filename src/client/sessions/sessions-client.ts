import { Metadata } from '@grpc/grpc-js'
import { ReplyDetails, type SessionDetails } from '#generated/sessiond/v1/sessions'
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
import { MalformedError, NotFoundError } from '../../core/errors.js'
import { ask, type CallOptions, mergeOptions } from '../connection/ask.js'
import type { Connection } from '../connection/connect.js'
import { CommandError } from '../errors.js'
import { JSON_VALUES, type JsonForm } from './json-form.js'
import { type ListAllOptions, listAll } from './list-all.js'
import { readSession } from './read-session.js'
import {
  type ListOptions,
  MAX_PAGE,
  type OfUser,
  type OpenOptions,
  type SessionInfo,
  type SessionInfoPage,
} from './session-info.js'

const SERVICE = { name: 'the sessions commands', isForOperators: true }

/**
 * The sessions commands of a server: for a backend that keeps its users' sessions there. A server with an admin
 * credential wants it with every call: connect with `adminToken`, or a client certificate.
 *
 * Every method takes `CallOptions` last, in place of those of the client. It throws CommandError where the server refuses
 * the command, ServerUnavailableError where the server cannot be reached or does not answer before the deadline,
 * ConnectionClosedError, the signal's reason, and RefusedError for any other refusal, such as a missing credential
 * (`CREDENTIAL_REQUIRED`).
 *
 * @example
 * ```ts
 * import { connect, SessionsClient } from 'sessiond/client'
 *
 * // These commands are not signed, so there is no server key to check.
 * const server = connect('127.0.0.1:8090', { serverKeys: 'any' })
 * const sessions = new SessionsClient(server)
 * const { id } = await sessions.open({ userId: 'alice', address: '192.0.2.7', client: 'shop' })
 * await sessions.storeData(id, { cart: [17] })
 * const { sessions: open } = await sessions.list({ userId: 'alice', active: true })
 * console.log(open.map(({ data }) => data))
 * await sessions.close(id)
 * server.close()
 * ```
 */
export class SessionsClient<Json = unknown> {
  constructor(
    private readonly connection: Connection,
    /** For every call of this client. */
    private readonly options: CallOptions = {},
    private readonly json: JsonForm<Json> = JSON_VALUES as JsonForm<Json>,
  ) {}

  /** The server's address: `HOST:PORT` or `unix:PATH`. */
  get address(): string {
    return this.connection.address
  }

  /**
   * Opens a session. If the user already has one open from this address and client, returns that one, with
   * `requestTimeMs` moved and what was given replaced.
   */
  async open(options: OpenOptions<Json>): Promise<SessionInfo<Json>> {
    const { userId, userName = '', address, client } = options
    const request = {
      correlationId: '',
      userId,
      userName,
      address,
      client,
      user: this.textOf(options.user),
      data: this.textOf(options.data),
    }
    const types = [SessionOpenRequest, SessionObjectReply] as const
    return this.existing(await this.call('open_session', ...types, request, options), '')
  }

  /** The session with this id, open or ended; null where there is none. */
  async get(id: string, options: CallOptions = {}): Promise<SessionInfo<Json> | null> {
    return this.found(await this.callWithId('get_session_by_id', id, options))
  }

  /** Counts a request of the user's open session with this id, and returns it; null where there is none. */
  async load(
    userId: string,
    id: string,
    options: CallOptions = {},
  ): Promise<SessionInfo<Json> | null> {
    const metadata = metadataOf({ 'sessiond-user-id-bin': userId })
    metadata.set('sessiond-load', '1')
    return this.found(await this.callWithId('get_session_by_id', id, options, metadata))
  }

  /**
   * A page of the sessions that match. For the next page, add its length to `skip`; `listAll` gives all of them. Throws
   * RangeError where `take` is more than a page may have.
   */
  async list(options: ListOptions = {}): Promise<SessionInfoPage<Json>> {
    const { id, userId, active, fromTimeMs, toTimeMs, skip = 0, take, total = false } = options
    if (take !== undefined && take > MAX_PAGE) {
      throw new RangeError(`a page has at most ${MAX_PAGE} sessions, not ${take}: use listAll`)
    }
    const filter = { id, user_id: userId, active, from_time: fromTimeMs, to_time: toTimeMs }
    const metadata = new Metadata()
    if (options.withData ?? true) {
      metadata.set('sessiond-with-data', '1')
    }
    const request = {
      correlationId: '',
      filter: new Map(
        Object.entries(filter).flatMap(([key, value]) =>
          value === undefined ? [] : [[key, `${value}`] as const],
        ),
      ),
      // On the wire 0 means "not given".
      paging: { skip: BigInt(skip), take: take === undefined ? 0 : Math.max(take, 1), total },
    }
    const types = [SessionPageRequest, SessionPageReply] as const
    const { page, details } = await this.call('get_sessions', ...types, request, options, metadata)
    const sessions = page?.data.slice(0, take) ?? []
    return {
      sessions: sessions.map((session, i) => readSession(session, details[i], this.json)),
      total: total ? Number(page?.total ?? 0n) : null,
    }
  }

  /** All sessions that match, page by page (`ListAllOptions`). Throws as `list` does. */
  listAll(options: ListAllOptions = {}): AsyncGenerator<SessionInfo<Json>, void> {
    return listAll((page) => this.list(page), options)
  }

  /**
   * Replaces the session's data: any JSON value, or null for none. With `userId`, only if the session is that user's.
   * Throws CommandError: `NOT_FOUND` where there is no such session, `CONFLICT` where it has ended.
   */
  async storeData(id: string, data: Json | null, options: OfUser = {}): Promise<SessionInfo<Json>> {
    const request = { correlationId: '', sessionId: id, data: this.textOf(data) }
    const types = [SessionStoreDataRequest, SessionObjectReply] as const
    const metadata = metadataOf({ 'sessiond-user-id-bin': options.userId })
    const reply = await this.call('store_session_data', ...types, request, options, metadata)
    return this.existing(reply, id)
  }

  /** Replaces what is known of the session's user: any JSON value, or null for none. Throws as `storeData` does. */
  async updateUser(
    id: string,
    user: Json | null,
    options: CallOptions = {},
  ): Promise<SessionInfo<Json>> {
    const request = { correlationId: '', sessionId: id, user: this.textOf(user) }
    const types = [SessionUpdateUserRequest, SessionObjectReply] as const
    return this.existing(await this.call('update_session_user', ...types, request, options), id)
  }

  /** Ends a session and returns it; null where there is none. Ending it twice is no error. */
  async close(id: string, options: CallOptions = {}): Promise<SessionInfo<Json> | null> {
    return this.found(await this.callWithId('close_session', id, options))
  }

  /** Ends the session that `open` opened for this user, address and client, if there is one. */
  async closeOpened(
    userId: string,
    address: string,
    client: string,
    options: CallOptions = {},
  ): Promise<void> {
    const metadata = metadataOf({
      'sessiond-user-id-bin': userId,
      'sessiond-address-bin': address,
      'sessiond-client-bin': client,
    })
    await this.callWithId('close_session', '', options, metadata)
  }

  /**
   * Deletes the record of a session, open or ended, and returns it without `user` and `data`; null where there is
   * none. With `userId`, only if the session is that user's.
   */
  async delete(id: string, options: OfUser = {}): Promise<SessionInfo<Json> | null> {
    const metadata = metadataOf({ 'sessiond-user-id-bin': options.userId })
    return this.found(await this.callWithId(DELETE, id, options, metadata))
  }

  /** Ends the sessions that have expired and removes the records that are past `--retention`, as the server's sweep does. */
  async closeExpired(options: CallOptions = {}): Promise<void> {
    const types = [SessionEmptyRequest, SessionEmptyReply] as const
    await this.call('close_expired_sessions', ...types, { correlationId: '' }, options)
  }

  private callWithId(method: string, sessionId: string, options: CallOptions, metadata?: Metadata) {
    const types = [SessionIdRequest, SessionObjectReply] as const
    return this.call(method, ...types, { correlationId: '', sessionId }, options, metadata)
  }

  private async call<Request, Reply extends { error: ErrorDescription | undefined }>(
    method: string,
    requestType: { encode(message: Request): { finish(): Uint8Array } },
    replyType: { decode(bytes: Uint8Array): Reply },
    request: Request,
    options: CallOptions,
    metadata = new Metadata(),
  ): Promise<Detailed<Reply>> {
    const path = `/sessions_v1.Sessions/${method}`
    metadata.set('sessiond-with-details', '1')
    const question = {
      path,
      service: SERVICE,
      request: requestType.encode(request).finish(),
      // The second answer would be that there is no such session.
      isRepeatable: method !== DELETE,
      metadata,
    }
    const answer = await ask(this.connection, question, mergeOptions(this.options, options))
    let reply: Detailed<Reply>
    try {
      reply = { ...replyType.decode(answer), ...ReplyDetails.decode(answer) }
    } catch (error) {
      throw new MalformedError(path, 'the answer cannot be decoded', error)
    }
    if (reply.error !== undefined) {
      throw commandError(reply.error)
    }
    return reply
  }

  /** JSON text for the wire, where an empty text means "not given". */
  private textOf(json: Json | null | undefined): string {
    return json === undefined ? '' : json === null ? 'null' : this.json.write(json)
  }

  private found({ session, details }: Detailed<SessionObjectReply>): SessionInfo<Json> | null {
    return session === undefined ? null : readSession(session, details[0], this.json)
  }

  private existing(reply: Detailed<SessionObjectReply>, id: string): SessionInfo<Json> {
    const session = this.found(reply)
    if (session === null) {
      throw new NotFoundError(id)
    }
    return session
  }
}

const DELETE = 'delete_session_by_id'

/** A reply with what `sessions_v1` has no fields for; nothing if the server is not ours. */
type Detailed<Reply> = Reply & { readonly details: readonly SessionDetails[] }

function commandError({ code, category, status, message, details }: ErrorDescription) {
  const { field, ...metadata } = Object.fromEntries(details)
  return new CommandError(code, message, Number(status), category, {
    metadata,
    ...(field !== undefined && { field }),
  })
}

/** Metadata with these texts, under binary keys so that they may hold any character. Leaves out undefined ones. */
function metadataOf(texts: Readonly<Record<string, string | undefined>>): Metadata {
  const metadata = new Metadata()
  for (const [key, text] of Object.entries(texts)) {
    if (text !== undefined) {
      metadata.set(key, Buffer.from(text))
    }
  }
  return metadata
}
