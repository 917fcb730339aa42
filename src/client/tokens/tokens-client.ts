import { messages } from '#generated/fields'
import {
  BindRequest_Body,
  BindResponse_Body,
  IntrospectRequest_Body,
  IntrospectResponse_Body,
  IssueJwtRequest_Body,
  IssueJwtResponse_Body,
  ListRequest_Body,
  ListResponse_Body,
  RevokeRequest_Body,
  RevokeResponse_Body,
  SignRequest_Body,
  SignResponse_Body,
} from '#generated/sessiond/v1/tokens'
import { InvalidFieldError } from '../../core/errors.js'
import { packedUuid, uuidText } from '../../core/uuid.js'
import { ownerIdOfKey } from '../../crypto/keys.js'
import {
  bindMethod,
  introspectMethod,
  issueJwtMethod,
  listMethod,
  revokeMethod,
  signMethod,
} from '../../envelope/tokens.js'
import { encodeFields } from '../../envelope/wire.js'
import type { TokenSigner } from '../../tokens/issue.js'
import { VERBS, wireAddress } from '../../tokens/token.js'
import { type CallOptions, mergeOptions } from '../connection/ask.js'
import type { Connection } from '../connection/connect.js'
import { CreatedSession } from '../created-session.js'
import { UntrustedResponseError } from '../errors.js'
import { lifetimeFrom } from '../request.js'
import type { OwnedSession, RevokedSession, SessionState } from './answers.js'
import type { BindOptions, JwtOptions, ListOwnedOptions, SignOptions, Subject } from './options.js'
import { ownedSession, sessionState } from './read-answers.js'
import { type AskOptions, ask, callSigned, LEFT_OUT, type TokensCall } from './signed-call.js'
import { type WatchEndingsEvent, type WatchEndingsOptions, watchStream } from './watch-endings.js'

const SIGN = { name: 'Sign', method: signMethod, answer: SignResponse_Body }
const BIND = { name: 'Bind', method: bindMethod, answer: BindResponse_Body }
const INTROSPECT = {
  name: 'Introspect',
  method: introspectMethod,
  answer: IntrospectResponse_Body,
}
const REVOKE = { name: 'Revoke', method: revokeMethod, answer: RevokeResponse_Body }
const LIST = { name: 'List', method: listMethod, answer: ListResponse_Body }
const ISSUE_JWT = { name: 'IssueJwt', method: issueJwtMethod, answer: IssueJwtResponse_Body }

const NO_BYTES = new Uint8Array(0)
const MAX_QUOTED_CHARS = 64
const TOKEN_TO_SIGN = messages['sessiond.v1.SignRequest.Body'].token.number
const TOKEN_ASKED_ABOUT = messages['sessiond.v1.IntrospectRequest.Body'].token.number
const PROOF = messages['sessiond.v1.BindRequest'].proof.number

/**
 * What a session is for: `sessiond.v1.Tokens` of a server. Every call is signed by one key: the owner's, the session's own,
 * or that of a service which the operator named (`--signers`); docs/tokens.md says who may do what. Every answer is
 * believed only if a pinned server signed it for this very request.
 *
 * Calls are repeated while the server is unavailable or asks to come back later. Every method throws RefusedError
 * (the server refused; `code` says why), ServerUnavailableError (no answer in time), UntrustedResponseError,
 * ConnectionClosedError, and the signal's reason.
 *
 * @example
 * ```ts
 * import { connect, createSession, generateKey, signerOf, TokensClient } from 'sessiond/client'
 * import { issueToken } from 'sessiond/token'
 *
 * const server = connect('127.0.0.1:8090', { serverKeys: 'any' })
 * const ownerKey = generateKey('ed25519')
 * const session = await createSession(server, { ownerKey, lifetimeMs: 3_600_000 })
 * const token = await issueToken({ session, verb: 'OBJECT_PUT' }, signerOf(ownerKey))
 * const owner = new TokensClient(server, signerOf(ownerKey))
 * const data = [Buffer.from('an object')]
 * const [signature] = await owner.sign({ token, verb: 'OBJECT_PUT', data })
 * await owner.revoke(session.id)
 * console.log(signature?.length, (await owner.introspect({ token })).reason) // 64 ENDED
 * server.close()
 * ```
 */
export class TokensClient {
  /** `signer`: who asks. Its `sign` may be asynchronous, as of a key in a vault. */
  constructor(
    private readonly connection: Connection,
    private readonly signer: TokenSigner,
    /** For every call of this client. */
    private readonly options: CallOptions = {},
  ) {}

  /** Signatures by the session's sealed key, Ed25519, 64 bytes each, in the order of the data. */
  async sign(
    { token, verb, object, data }: SignOptions,
    options: CallOptions = {},
  ): Promise<Uint8Array[]> {
    const rest = {
      ...{ ...LEFT_OUT, token: undefined, verb: VERBS.indexOf(verb), data: [...data] },
      objectAddress: object && wireAddress(object),
    }
    const encoded = SignRequest_Body.encode(rest).finish()
    const body = Buffer.concat([encodeFields([TOKEN_TO_SIGN, token]), encoded])
    const { signatures } = await this.call(SIGN, body, options)
    if (signatures.length !== data.length) {
      const problem = `it has ${signatures.length} signatures for ${data.length} byte strings`
      throw new UntrustedResponseError(problem)
    }
    return signatures
  }

  /**
   * Opens a session for a key that the client holds. The server never has its private half, and cannot `sign` with it.
   * Throws RangeError where a time is not a number.
   */
  async bind(bind: BindOptions, options: CallOptions = {}): Promise<CreatedSession> {
    const { sessionKey, lifetimeMs, idempotencyKey, clientName } = bind
    const { owner = ownerIdOfKey(this.signer.publicKey), issueTimeMs: timeMs = Date.now() } = bind
    const lifetime = lifetimeFrom(timeMs, lifetimeMs, this.connection.epochs)
    const ownerId = { value: owner }
    const { publicKey } = sessionKey
    const body = BindRequest_Body.encode({
      ...LEFT_OUT,
      ...{ ownerId, lifetime, sessionKey: publicKey },
    }).finish()
    const more = async (signed: Uint8Array) => encodeFields([PROOF, await sessionKey.sign(signed)])
    const asking = { timeMs, idempotencyKey, clientName, more }
    const answer = await this.call(BIND, body, options, asking)
    if (Buffer.compare(answer.sessionKey, publicKey) !== 0) {
      throw new UntrustedResponseError('it tells of a session with another key')
    }
    const { serverKey } = answer
    return new CreatedSession({ id: uuidText(answer.id), publicKey, owner, lifetime, serverKey })
  }

  /** Whether a session, a token or a JWT of it is active, and if not, why. */
  async introspect(subject: Subject, options: CallOptions = {}): Promise<SessionState> {
    const body =
      'token' in subject
        ? encodeFields([TOKEN_ASKED_ABOUT, subject.token])
        : IntrospectRequest_Body.encode({
            ...{ ...LEFT_OUT, token: undefined },
            id: 'id' in subject ? idBytes(subject.id) : NO_BYTES,
            jwt: 'jwt' in subject ? subject.jwt : '',
          }).finish()
    return sessionState(await this.call(INTROSPECT, body, options))
  }

  /** Ends a session at once, and erases its sealed key. Ending it twice is no error. */
  async revoke(id: string, options: CallOptions = {}): Promise<RevokedSession> {
    const body = RevokeRequest_Body.encode({ ...LEFT_OUT, id: idBytes(id) }).finish()
    const { endedNow, endTimeMs } = await this.call(REVOKE, body, options)
    return { endedNow, endTimeMs: Number(endTimeMs) }
  }

  /** A page of the owner's sessions, newest request first. For the next page, add its length to `skip`. */
  async list(list: ListOwnedOptions = {}, options: CallOptions = {}): Promise<OwnedSession[]> {
    const { owner = ownerIdOfKey(this.signer.publicKey) } = list
    const { skip = 0, take = 0, openOnly = false } = list
    const ownerId = { value: owner }
    const body = ListRequest_Body.encode({
      ...LEFT_OUT,
      ...{ ownerId, skip: BigInt(skip), take, openOnly },
    }).finish()
    const { sessions } = await this.call(LIST, body, options)
    return sessions.map((session) => ownedSession(session, owner))
  }

  /** A JWT of the session, signed by the server's identity and bound to the session's key (`cnf`, RFC 7800). */
  async issueJwt(
    { id, audience, lifetimeMs }: JwtOptions,
    options: CallOptions = {},
  ): Promise<string> {
    const { epochs } = this.connection
    const lifetime =
      lifetimeMs === undefined ? undefined : lifetimeFrom(Date.now(), lifetimeMs, epochs)
    const body = IssueJwtRequest_Body.encode({
      ...LEFT_OUT,
      ...{ id: idBytes(id), audience: [...audience], lifetime },
    }).finish()
    return (await this.call(ISSUE_JWT, body, options)).jwt
  }

  /**
   * The endings of sessions before their lifetime was over, whatever ended them: first all that are not expired, or those
   * since `ended` was told last, then each within a second. It begins again by itself, ends with the signal, and throws
   * ConnectionClosedError with the connection. For services that the operator named.
   */
  watch(options: WatchEndingsOptions = {}): AsyncGenerator<WatchEndingsEvent, void> {
    return watchStream(this.connection, this.signer, options)
  }

  private async call<Answer>(
    call: TokensCall<Answer>,
    rest: Uint8Array,
    options: CallOptions,
    asking?: AskOptions,
  ): Promise<Answer & { readonly serverKey: Uint8Array }> {
    const { connection, signer } = this
    const asked = await ask(call, rest, signer, connection.epochs, asking)
    return callSigned(connection, call, asked, mergeOptions(this.options, options))
  }
}

/** Throws InvalidFieldError. */
function idBytes(id: string): Uint8Array {
  const bytes = packedUuid(id.toLowerCase())
  if (bytes === null) {
    throw new InvalidFieldError('id', `${JSON.stringify(id.slice(0, MAX_QUOTED_CHARS))} is no UUID`)
  }
  return bytes
}
