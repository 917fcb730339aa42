import {
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { hex } from '@scure/base'
import { ResponseMetaHeader } from '#generated/service/meta'
import { CreateResponse_Body } from '#generated/session/service'
import type { Signer } from '../../src/crypto/ed25519.js'
import { readCreateRequest } from '../../src/envelope/create.js'
import { requestDigest } from '../../src/envelope/digest.js'
import { readMessage } from '../../src/envelope/message.js'
import { createResponseSigner, signRequest } from '../../src/envelope/sign.js'
import { newOwner } from './create.js'
import { METHODS } from './tokens-client.js'

/** What a server does with one call: answers with these bytes, refuses, or keeps silent. */
export type Act = (request: Buffer) => Buffer | Refusal | null

export interface Refusal {
  readonly code: status
  readonly details?: string
  readonly metadata?: Metadata
}

export interface ScriptedServer {
  readonly address: string
  /** What it was sent so far. */
  readonly requests: Buffer[]
  /** Resolves when it has been sent so many. */
  received(count: number): Promise<void>
}

/** A server that acts its script, one act a call, the last one again and again. */
export async function startScriptedServer(
  atEnd: (close: () => void) => void,
  ...script: readonly Act[]
): Promise<ScriptedServer> {
  const requests: Buffer[] = []
  let onRequest = () => {}
  const handle: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
    const act = script[Math.min(requests.length, script.length - 1)]
    requests.push(request)
    onRequest()
    const outcome = act?.(request)
    if (Buffer.isBuffer(outcome)) {
      callback(null, outcome)
    } else if (outcome) {
      callback(outcome)
    }
  }
  const server = new Server()
  for (const [service, methods] of Object.entries(SERVICES)) {
    server.addService(
      rawService(service, methods),
      Object.fromEntries(methods.map((name) => [name, handle])),
    )
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  atEnd(() => server.forceShutdown())
  return {
    address: `127.0.0.1:${port}`,
    requests,
    received: (count) =>
      new Promise((resolve) => {
        onRequest = () => requests.length >= count && resolve()
        onRequest()
      }),
  }
}

const asTheyAre = (bytes: Buffer) => bytes

const SERVICES = {
  'session.Session': ['Create'],
  'sessiond.v1.Tokens': ['Sign', 'Bind', 'Introspect', 'Revoke', 'List', 'IssueJwt'],
}

function rawService(service: string, methods: readonly string[]): ServiceDefinition {
  const raw = (name: string) => ({
    path: `/${service}/${name}`,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: asTheyAre,
    requestDeserialize: asTheyAre,
    responseSerialize: asTheyAre,
    responseDeserialize: asTheyAre,
  })
  return Object.fromEntries(methods.map((name) => [name, raw(name)]))
}

export const unavailable: Act = () => ({ code: status.UNAVAILABLE, details: 'not now' })
export const silence: Act = () => null

/** What a server of this identity answers; parts may be other than they should. */
export function answer(
  identity: Signer,
  parts: {
    /** 16 bytes. */
    readonly id?: Uint8Array
    readonly sessionKey?: Uint8Array
    /** null leaves the x-header out. */
    readonly digest?: string | null
  } = {},
): Act {
  const sign = createResponseSigner(identity)
  return (request) => {
    const { id = new Uint8Array(16).fill(1), sessionKey = newOwner().publicKey } = parts
    const { digest = requestDigest(readCreateRequest(request).message) } = parts
    return sign({
      body: CreateResponse_Body.encode({ id, sessionKey }).finish(),
      meta: ResponseMetaHeader.encode({
        version: { major: 2, minor: 0 },
        epoch: 1n,
        ttl: 1,
        xHeaders: digest === null ? [] : [{ key: 'request', value: digest }],
        origin: undefined,
      }).finish(),
    })
  }
}

/** What a server of this identity answers to a request of `sessiond.v1.Tokens`; parts may be other than they should. */
export function tokensAnswer<Name extends keyof typeof METHODS>(
  identity: Signer,
  name: Name,
  facts: object,
  parts: { readonly digest?: Uint8Array; readonly as?: keyof typeof METHODS } = {},
): Act {
  return (bytes) => {
    const { request } = METHODS[name]
    const digest = hex.decode(requestDigest(readMessage(bytes, request).message))
    const { answer, response } = METHODS[parts.as ?? name]
    const encode = answer.encode as (message: object) => { finish(): Uint8Array }
    const body = encode({ request: parts.digest ?? digest, ...facts }).finish()
    const meta = ResponseMetaHeader.encode({
      ...{ version: { major: 2, minor: 0 }, epoch: 1n, ttl: 1, xHeaders: [], origin: undefined },
    }).finish()
    return signRequest({ body, meta }, identity, response)
  }
}
