import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { hex } from '@scure/base'
import { RequestMetaHeader } from '#generated/service/meta'
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
  TokensMethod,
} from '#generated/sessiond/v1/tokens'
import type { Signer } from '../../src/crypto/ed25519.js'
import { verifyChain } from '../../src/envelope/chain.js'
import { requestDigest } from '../../src/envelope/digest.js'
import { readMessage } from '../../src/envelope/message.js'
import { type SignedShape, tokens } from '../../src/envelope/shapes.js'
import { signRequest } from '../../src/envelope/sign.js'
import { epochNow, newOwner, Refused } from './create.js'
import { verifiers } from './envelope.js'

/** A method's messages, as a client in any language has them. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}
interface Method<Ask, Answer> {
  readonly number: TokensMethod
  readonly request: SignedShape
  readonly response: SignedShape
  readonly ask: Codec<Ask>
  readonly answer: Codec<Answer>
}
const method = <Ask, Answer>(
  number: TokensMethod,
  request: SignedShape,
  response: SignedShape,
  ask: Codec<Ask>,
  answer: Codec<Answer>,
): Method<Ask, Answer> => ({ number, request, response, ask, answer })

export const METHODS = {
  Sign: method(
    TokensMethod.TOKENS_METHOD_SIGN,
    tokens.signRequest,
    tokens.signResponse,
    SignRequest_Body,
    SignResponse_Body,
  ),
  Bind: method(
    TokensMethod.TOKENS_METHOD_BIND,
    ...([tokens.bindRequest, tokens.bindResponse] as const),
    ...([BindRequest_Body, BindResponse_Body] as const),
  ),
  Introspect: method(
    TokensMethod.TOKENS_METHOD_INTROSPECT,
    ...([tokens.introspectRequest, tokens.introspectResponse] as const),
    ...([IntrospectRequest_Body, IntrospectResponse_Body] as const),
  ),
  Revoke: method(
    TokensMethod.TOKENS_METHOD_REVOKE,
    ...([tokens.revokeRequest, tokens.revokeResponse] as const),
    ...([RevokeRequest_Body, RevokeResponse_Body] as const),
  ),
  List: method(
    TokensMethod.TOKENS_METHOD_LIST,
    tokens.listRequest,
    tokens.listResponse,
    ListRequest_Body,
    ListResponse_Body,
  ),
  IssueJwt: method(
    TokensMethod.TOKENS_METHOD_ISSUE_JWT,
    ...([tokens.issueJwtRequest, tokens.issueJwtResponse] as const),
    ...([IssueJwtRequest_Body, IssueJwtResponse_Body] as const),
  ),
}
type Methods = typeof METHODS
type AskOf<Name extends keyof Methods> = Omit<
  Parameters<Methods[Name]['ask']['encode']>[0],
  'method' | 'epoch'
>
type AnswerOf<Name extends keyof Methods> = Omit<
  ReturnType<Methods[Name]['answer']['decode']>,
  'request'
>

/** An encoded body of this method, as of now, or with other parts. */
export function tokensBody<Name extends keyof Methods>(
  name: Name,
  body: AskOf<Name>,
  parts: object = {},
): Uint8Array {
  const { number, ask } = METHODS[name] as unknown as Method<object, unknown>
  return ask.encode({ method: number, epoch: epochNow(), ...body, ...parts }).finish()
}

/** A whole request, signed by someone new. */
export function tokensRequest<Name extends keyof Methods>(name: Name, body: AskOf<Name>): Buffer {
  const parts = { body: tokensBody(name, body), meta: tokensMeta() }
  return signRequest(parts, newOwner(), METHODS[name].request)
}

/** A meta header that says nothing. */
export function tokensMeta(parts: Partial<RequestMetaHeader> = {}): Uint8Array {
  return RequestMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch: 0n,
    ttl: 2,
    xHeaders: [],
    token: undefined,
    bearer: undefined,
    origin: undefined,
    ...parts,
  }).finish()
}

export interface TokensClient {
  /** Signs the body and sends it. Accepts an answer only if the server signed it for this request. Throws Refused. */
  call<Name extends keyof Methods>(
    name: Name,
    body: AskOf<Name>,
    signer: Signer,
    meta?: Uint8Array,
  ): Promise<AnswerOf<Name>>
  /** Sends bytes as they are. Throws Refused. */
  send(name: string, request: Uint8Array): Promise<Buffer>
  close(): void
}

/** A client of `sessiond.v1.Tokens`. `serverKey`: who must sign the answers. */
export function tokensClient(address: string, serverKey: Uint8Array): TokensClient {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  const asIs = (bytes: Buffer) => bytes
  const send = (name: string, request: Uint8Array) =>
    new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(
        `/sessiond.v1.Tokens/${name}`,
        asIs,
        asIs,
        Buffer.from(request),
        (error: ServiceError | null, bytes?: Buffer) =>
          error === null ? resolve(bytes as Buffer) : reject(new Refused(error)),
      )
    })
  return {
    send,
    async call(name, body, signer, meta = tokensMeta()) {
      const { request, response, answer } = METHODS[name] as unknown as Method<
        unknown,
        { request: Uint8Array }
      >
      const encoded = tokensBody(name, body)
      const sent = signRequest({ body: encoded, meta }, signer, request)
      const read = readMessage(await send(name, sent), response)
      if (Buffer.compare(verifyChain(read.message, verifiers), serverKey) !== 0) {
        throw new Error('the answer is not signed by the server')
      }
      const { request: answers, ...facts } = answer.decode(read.message.body)
      if (hex.encode(answers) !== requestDigest(readMessage(sent, request).message)) {
        throw new Error('the answer is to another request')
      }
      // biome-ignore lint/suspicious/noExplicitAny: the table pairs names and types
      return facts as any
    },
    close: () => client.close(),
  }
}
